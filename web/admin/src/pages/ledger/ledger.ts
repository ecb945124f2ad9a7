/* What the pages of the ledger share. */
import { useI18n } from 'vue-i18n'
import type { Item, Reply } from '@papilio/api'

export type Account = Item<Reply<'/api/accounts'>>
export type Line = Item<Reply<'/api/accounts/{account_id}/statement'>>
export type Transfer = Reply<'/api/transfers/{transfer_id}'>

export const OWNERS = ['system', 'campaign', 'customer', 'reward', 'staff'] as const
export const POLICIES = ['up_to_balance', 'only_pending', 'create_debt'] as const
export const BUCKETS = ['available', 'pending', 'frozen', 'debt', 'budget', 'issued', 'expired', 'forfeited', 'in_transit', 'external'] as const

/* What a posting was for, in words, and where that can be looked at. */
const PLACES: Record<string, (key: string) => string> = { reversal: () => '/operations/ledger/reversals' }

export function useCause(): (posting: { kind: string; key_id?: string | null }) => { words: string; to?: string } {
    const { t, te } = useI18n()
    return ({ kind, key_id }) => {
        const place = PLACES[kind]
        return { words: te(`ledger.kind.${kind}`) ? t(`ledger.kind.${kind}`) : kind, ...(place && key_id && { to: place(key_id) }) }
    }
}
