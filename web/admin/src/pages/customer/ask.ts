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
    tag2: string
    tag3: string
    segment: string
    who: string // a condition of the query language, as JSON
    owner: string // a colleague's id, or NOBODY
    org: string
    life: string // number of a life stage
    blocked: string // 'yes' 'no'
    family: string
    from: string // first and last day of the first touch, both included
    to: string
    orderFrom: string // of the last order
    orderTo: string
    orderMin: string
    orderMax: string
    paidMin: string // whole units of the currency
    paidMax: string
    month: string // of the first order
    sort: string
    columns: string // names apart by blanks; none: the usual ones
}
export const NOBODY = 'none'

const EMPTY: CustomerAsk = {
    search: '',
    state: '',
    stage: '',
    channel: '',
    tag: '',
    tag2: '',
    tag3: '',
    segment: '',
    who: '',
    owner: '',
    org: '',
    life: '',
    blocked: '',
    family: '',
    from: '',
    to: '',
    orderFrom: '',
    orderTo: '',
    orderMin: '',
    orderMax: '',
    paidMin: '',
    paidMax: '',
    month: '',
    sort: 'newest',
    columns: '',
}
const KEYS = Object.keys(EMPTY) as (keyof CustomerAsk)[]
/* What is not a condition. */
const LOOKS: (keyof CustomerAsk)[] = ['sort', 'columns']

const one = (value: unknown): string => (typeof value === 'string' ? value : '')

export function askFrom(query: LocationQuery | Record<string, unknown>): CustomerAsk {
    const ask = { ...EMPTY }
    for (const key of KEYS) ask[key] = one(query[key]) || EMPTY[key]
    return ask
}

export function queryOf(ask: CustomerAsk): LocationQueryRaw {
    const query: LocationQueryRaw = {}
    for (const key of KEYS) if (ask[key] !== EMPTY[key]) query[key] = ask[key]
    return query
}

/** The conditions that are set. */
export function conditionsOf(ask: CustomerAsk): (keyof CustomerAsk)[] {
    return KEYS.filter((key) => ask[key] !== EMPTY[key] && !LOOKS.includes(key))
}

/** What a saved view keeps: no searched text. */
export function viewOf(ask: CustomerAsk): Record<string, string> {
    const view = queryOf({ ...ask, search: '' }) as Record<string, string>
    return view
}

/** Does the address show what the view keeps? */
export function isView(ask: CustomerAsk, view: unknown): boolean {
    if (ask.search) return false
    const kept = queryOf(askFrom((view ?? {}) as Record<string, unknown>))
    const now = queryOf(ask)
    return KEYS.every((key) => (kept[key] ?? '') === (now[key] ?? ''))
}

const FIRST_DAY = '1970-01-01'
const LAST_DAY = '2999-12-30'

/* A word the server does not know is no condition. */
const known = <T extends string>(words: readonly T[], word: string): T | undefined => words.find((one) => one === word)
const whole = (text: string): number | undefined => (/^-?\d{1,9}$/.test(text) ? Number(text) : undefined)
const yesNo = (word: string): boolean | undefined => (word === 'yes' ? true : word === 'no' ? false : undefined)

function datesOf(from: string, to: string) {
    return from !== '' || to !== '' ? { from: from || FIRST_DAY, to: dateAdd(to || LAST_DAY, 1) } : undefined
}

/** The conditions as the server takes them, in a query or in a body. */
export function filterOf(ask: CustomerAsk, minorScale = 100) {
    const touched = datesOf(ask.from, ask.to)
    const ordered = datesOf(ask.orderFrom, ask.orderTo)
    const money = (text: string) => (whole(text) === undefined ? undefined : Number(text) * minorScale)
    const filter = {
        search: ask.search || undefined,
        state: known(STATES, ask.state),
        stage: known(STAGES, ask.stage),
        channel_id: ask.channel || undefined,
        tag_id: ask.tag || undefined,
        tag2_id: ask.tag2 || undefined,
        tag3_id: ask.tag3 || undefined,
        segment_id: ask.segment || undefined,
        who: ask.who || undefined,
        owner_id: ask.owner && ask.owner !== NOBODY ? ask.owner : undefined,
        is_unowned: ask.owner === NOBODY ? true : undefined,
        org_id: ask.org || undefined,
        life_stage_number: whole(ask.life),
        is_blocked: yesNo(ask.blocked),
        is_family: yesNo(ask.family),
        month: ask.month || undefined,
        from_date: touched?.from,
        to_date: touched?.to,
        order_from_date: ordered?.from,
        order_to_date: ordered?.to,
        order_min_count: whole(ask.orderMin),
        order_max_count: whole(ask.orderMax),
        paid_min_fen: money(ask.paidMin),
        paid_max_fen: money(ask.paidMax),
    }
    return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as typeof filter
}

export function requestOf(ask: CustomerAsk, minorScale = 100) {
    return { ...filterOf(ask, minorScale), sort: known(SORTS, ask.sort) }
}
