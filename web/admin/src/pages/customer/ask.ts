/* The question a customer list answers, as it stands in the address and as the server takes it. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { dateAdd } from '@/lib/format'
import { STAGES } from '../overview/butterfly'

export const STATES = ['never', 'once', 'repeat', 'sleeping', 'lost'] as const
export const SORTS = ['newest', 'last_order', 'paid', 'orders'] as const

export interface CustomerAsk {
    search: string
    state: string
    stage: string
    channel: string
    tag: string
    from: string // first and last day of the first touch, both included
    to: string
    month: string // of the first order
    sort: string
}

const one = (value: unknown): string => (typeof value === 'string' ? value : '')

export function askFrom(query: LocationQuery): CustomerAsk {
    return {
        search: one(query.search),
        state: one(query.state),
        stage: one(query.stage),
        channel: one(query.channel),
        tag: one(query.tag),
        from: one(query.from),
        to: one(query.to),
        month: one(query.month),
        sort: one(query.sort) || 'newest',
    }
}

export function queryOf(ask: CustomerAsk): LocationQueryRaw {
    const query: LocationQueryRaw = {}
    for (const [key, value] of Object.entries(ask)) if (value !== '' && !(key === 'sort' && value === 'newest')) query[key] = value
    return query
}

const FIRST_DAY = '1970-01-01'
const LAST_DAY = '2999-12-30'

/* A word the server does not know is no condition. */
const known = <T extends string>(words: readonly T[], word: string): T | undefined => words.find((one) => one === word)

export function requestOf(ask: CustomerAsk) {
    const hasDates = ask.from !== '' || ask.to !== ''
    return {
        ...(ask.search && { search: ask.search }),
        state: known(STATES, ask.state),
        stage: known(STAGES, ask.stage),
        ...(ask.channel && { channel_id: ask.channel }),
        ...(ask.tag && { tag_id: ask.tag }),
        ...(ask.month && { month: ask.month }),
        ...(hasDates && { from_date: ask.from || FIRST_DAY, to_date: dateAdd(ask.to || LAST_DAY, 1) }),
        sort: known(SORTS, ask.sort),
    }
}
