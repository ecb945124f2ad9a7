/* A question of the analyses: as it stands in the address, what it may hold, and those to begin with. The forms are those of the
 * query language (docs/query.md); the server checks them, so what is odd here is told there. */
import { openOf, type Condition, type Events, type Funnel, type Value, type When } from '../segment/model/wire'

export const ASKS = ['funnel', 'retention', 'paths', 'flow', 'trend', 'breakdown', 'rfm', 'interval'] as const
export type Ask = (typeof ASKS)[number]
export const UNITS = ['day', 'week', 'month'] as const
export type Unit = (typeof UNITS)[number]
export type { Condition, Events, Value, When }
export type By = 'kind' | 'channel' | 'day' | { property: string } | { attribute: string }
export interface Question {
    ask: Ask
    who?: Condition
    funnel?: Funnel
    start?: Events
    back?: Events
    events?: Events
    by?: By
    of?: string
    units?: Unit
    count?: number
    cohort?: 'first' | 'every'
    or_after?: boolean
    gap_seconds?: number
    steps?: number
    limit?: number
    order?: 'people' | 'events' | 'sum'
    pairs?: 'first' | 'all'
    within?: When
    stages?: Stage[] // those of the brand where they are missing
}
export interface Stage {
    name: string
    who: Condition
}
/** What an answer is, with the question it belongs to. */
export interface Answer {
    question: Question
    columns: string[]
    rows: (Value | null)[][]
    eventCount: number
    asOfMs: number
    elapsedUs: number
}

export const DAY_S = 86_400
export const PAID = 'order_paid'
const LOOKS = ['page_viewed', 'product_viewed', 'content_viewed']
const DEEDS = [...LOOKS, 'content_shared', 'link_clicked', 'friend_added', 'added_to_cart', 'member_registered', PAID]
const steps = (...kinds: (string | string[])[]): Events[] => kinds.map((kind) => ({ kind }))
export const lastUnits = (units: Unit, count: number): When => ({ units, count, current: true })

interface Preset {
    key: string
    question: Question
}
const funnel = (key: string, days: number, ...kinds: (string | string[])[]): Preset => ({
    key,
    question: { ask: 'funnel', funnel: { steps: steps(...kinds), within_seconds: days * DAY_S } },
})
const retention = (key: string, part: Partial<Question>): Preset => ({
    key,
    question: { ask: 'retention', start: { kind: PAID }, back: { kind: PAID }, units: 'month', count: 12, cohort: 'first', ...part },
})
const trend = (key: string, part: Partial<Question>): Preset => ({
    key,
    question: { ask: 'trend', events: { kind: PAID, within: lastUnits('month', 12) }, units: 'month', of: 'amount', ...part },
})

/** Ready questions; the first of each is what its page begins with. */
export const PRESETS: Record<Ask, [Preset, ...Preset[]]> = {
    funnel: [
        funnel('shop', 7, 'product_viewed', 'added_to_cart', PAID),
        funnel('content', 30, 'content_viewed', 'product_viewed', PAID),
        funnel('again', 90, PAID, PAID, PAID),
        funnel('friend', 30, 'friend_added', LOOKS, PAID),
    ],
    retention: [
        retention('repurchase', {}),
        retention('active', { start: { kind: DEEDS }, back: { kind: DEEDS }, units: 'week', count: 8, cohort: 'every' }),
        retention('look', { start: { kind: 'friend_added' }, back: { kind: LOOKS }, units: 'week', count: 12 }),
        retention('still', { or_after: true }),
    ],
    paths: [
        { key: 'deeds', question: { ask: 'paths', events: { kind: DEEDS }, by: 'kind', gap_seconds: 1800, steps: 4 } },
        { key: 'days', question: { ask: 'paths', events: { kind: DEEDS }, by: 'kind', gap_seconds: 30 * DAY_S, steps: 4 } },
        { key: 'channels', question: { ask: 'paths', events: {}, by: 'channel', gap_seconds: 0, steps: 3 } },
        { key: 'pages', question: { ask: 'paths', events: { kind: 'page_viewed' }, by: { property: 'url' }, gap_seconds: 1800, steps: 4 } },
    ],
    flow: [
        { key: 'month', question: { ask: 'flow', within: { last: { days: 30 } } } },
        { key: 'quarter', question: { ask: 'flow', within: { last: { days: 90 } } } },
        { key: 'lastMonth', question: { ask: 'flow', within: { units: 'month', count: 1 } } },
    ],
    trend: [
        trend('paid', {}),
        trend('daily', { events: { kind: PAID, within: lastUnits('day', 30) }, units: 'day' }),
        trend('regions', { by: { attribute: 'region' } }),
        trend('deeds', { events: { kind: DEEDS, within: lastUnits('week', 12) }, units: 'week', by: 'kind', of: undefined }),
    ],
    breakdown: [
        { key: 'channels', question: { ask: 'breakdown', events: { kind: PAID }, by: { attribute: 'channel' }, of: 'amount', order: 'sum', limit: 20 } },
        { key: 'regions', question: { ask: 'breakdown', events: { kind: PAID }, by: { attribute: 'region' }, of: 'amount', order: 'people', limit: 20 } },
        { key: 'products', question: { ask: 'breakdown', events: { kind: 'product_viewed' }, by: { property: 'product_code' }, order: 'people', limit: 20 } },
        { key: 'kinds', question: { ask: 'breakdown', events: {}, by: 'kind', order: 'people', limit: 50 } },
    ],
    rfm: [
        { key: 'paid', question: { ask: 'rfm', events: { kind: PAID }, of: 'amount' } },
        { key: 'year', question: { ask: 'rfm', events: { kind: PAID, within: { last: { days: 365 } } }, of: 'amount' } },
    ],
    interval: [
        { key: 'first', question: { ask: 'interval', events: { kind: PAID }, pairs: 'first' } },
        { key: 'all', question: { ask: 'interval', events: { kind: PAID }, pairs: 'all' } },
    ],
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The question of a query that was kept. */
export function questionOf(query: unknown): Question {
    const question: Record<string, unknown> = { ...(query as Question & { version: number }) }
    delete question.version
    if (question.ask === 'paths') delete question.limit
    return question as unknown as Question
}

/** The question in an address; the page's first where there is none, or no such thing. */
export function questionFrom(ask: Ask, text: unknown): Question {
    const first = PRESETS[ask][0].question
    if (typeof text !== 'string' || text === '') return first
    try {
        const given: unknown = JSON.parse(text)
        if (isObject(given)) return { ...given, ask } as Question
    } catch {
        /* a link that was cut */
    }
    return first
}

/** Is there nothing that is still to be filled in? */
export function isWhole({ who, funnel, start, back, events, stages }: Question): boolean {
    const patterns = [...(funnel?.steps ?? []), ...[funnel?.exclude ?? []].flat().map((one) => one.events), start, back, events]
    const conditions = [who, ...(stages ?? []).map((stage) => stage.who), ...patterns.map((did) => did && { did })]
    return (stages ?? []).every(({ name }) => name.trim() !== '') && conditions.every((one) => one === undefined || openOf(one).length === 0)
}

export function questionText(question: Question): string {
    return JSON.stringify(question)
}

const MOVES_MAX = 1000
/** As the server takes it; of paths all that can be drawn. */
export const queryOf = (question: Question) => ({ version: 1, ...(question.ask === 'paths' && { limit: MOVES_MAX }), ...question })
