/* Amounts of the ledger: money in the brand's currency, everything else counted with its word. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { minorFrom, useFormat } from './format'
import { useSession } from './session'

export const UNITS = ['points', 'growth', 'chances', 'pieces', 'seats', 'fen'] as const

export interface Units {
    amount: (unit: string, count: number) => string
    signed: (unit: string, count: number) => string // with + or −
    read: (unit: string, text: string) => number | undefined // what was typed; undefined: no whole amount above 0
    write: (unit: string, count: number) => string // for a field to type in
}

export function useUnits(): ComputedRef<Units> {
    const { t, te } = useI18n()
    const format = useFormat()
    const session = useSession()
    return computed(() => {
        const digits = session.me?.minor_digits ?? 2
        const amount = (unit: string, count: number) =>
            unit === 'fen' ? format.value.money(count) : t(te(`ledger.amount.${unit}`) ? `ledger.amount.${unit}` : 'ledger.amount.other', { count: format.value.count(count) })
        return {
            amount,
            signed: (unit, count) => `${count < 0 ? '−' : '+'}${amount(unit, Math.abs(count))}`,
            read: (unit, text) => {
                const value = minorFrom(text, unit === 'fen' ? digits : 0)
                return value && Number.isSafeInteger(value) ? value : undefined
            },
            write: (unit, count) => (unit === 'fen' ? (count / 10 ** digits).toFixed(digits) : String(count)),
        }
    })
}
