/* Which customers a cell of an answer counted, as a condition of the query language: opened a moment later it means the same people,
 * but for what happened since. Where a condition over events says it, that one: it is cheaper, and live in a segment; else the cell
 * itself, asked again. */
import { listOf } from '../segment/model/wire'
import { DAY_S, queryOf, type Answer, type By, type Condition, type Events, type Value, type When } from './question'

type Cell = Value | null
export type Where = Condition | undefined

/** All of them hold; nothing said is everyone. */
export function joined(...parts: Where[]): Condition {
    const said = parts.filter((part) => part !== undefined)
    return said.length === 1 ? said[0]! : said.length ? { all: said } : { everyone: true }
}

/** Whoever the rows with these values count. */
const counted = ({ question }: Answer, cell: Condition['cell']): Condition => ({ answer: queryOf(question), cell })

const ADDRESS_MAX = 6000 // bytes of it in an address: the server takes no longer ones
/** Where they are listed; undefined: what names them is too long for an address. */
export function customersOf(who: Where): { path: string; query: { who: string } } | undefined {
    const text = who ? JSON.stringify(who) : ''
    return text && encodeURIComponent(text).length <= ADDRESS_MAX ? { path: '/customers', query: { who: text } } : undefined
}

/* ---- when ------------------------------------------------------------------------------------ */

/** "2026-03-01T00:00:00" in a zone. */
export function localText(ms: number, zone: string): string {
    return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(ms).replace(' ', 'T')
}
/** Where a unit begins: a date alone is where that day does. */
const beginText = (ms: number, zone: string): string => localText(ms, zone).replace(/T00:00:00$/, '')
const NESTS: Record<string, string[]> = {
    day: ['day', 'week', 'month', 'quarter', 'year'],
    week: ['week'],
    month: ['month', 'quarter', 'year'],
}

/** The local time where the n-th unit after the one that begins at `from` begins. */
export function unitAfter(from: string, unit: string, n: number): string {
    const date = new Date(`${from.slice(0, 10)}T00:00:00Z`)
    if (unit === 'month') date.setUTCMonth(date.getUTCMonth() + n)
    else date.setUTCDate(date.getUTCDate() + n * (unit === 'week' ? 7 : 1))
    return date.toISOString().slice(0, 10) + from.slice(10)
}

function whole(text: string | undefined): string | undefined {
    const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?$/.exec(text ?? '')
    return match ? `${match[1]}${match[2] ? `T${match[2]}${match[3] ?? ':00'}` : ''}` : undefined
}
const SECONDS_MAX = 4_294_967_295
const SECONDS: Record<string, number> = { seconds: 1, minutes: 60, hours: 3600, days: DAY_S, weeks: 7 * DAY_S }

/* What of [from, to) lies in the window too; without `to` it goes on. `unit` is what [from, to) is one of. */
function meet(range: { from: string; to?: string; unit?: string }, within: When | undefined, answer: Answer, zone: string): When | undefined {
    let { from, to } = range
    if (within?.units && !NESTS[range.unit ?? '']?.includes(within.units)) return undefined
    if (within?.last) {
        const [name, count] = Object.entries(within.last)[0] ?? ['', 0]
        const begin = localText(answer.asOfMs - count * (SECONDS[name] ?? 0) * 1000, zone)
        if (begin > from) from = begin
    }
    if (within?.from !== undefined) {
        const low = whole(within.from)
        if (!low) return undefined
        if (low > from) from = low
    }
    if (within?.to !== undefined) {
        const high = whole(within.to)
        if (!high) return undefined
        if (!to || high < to) to = high
    }
    if (!to) return { from }
    return from < to ? { from, to } : undefined
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Those events alone that have this value; an attribute is no event's. */
function eventsOf(events: Events, by: By | undefined, value: Cell): Events | undefined {
    if (by === undefined) return events
    if (value === null || value === '' || by === 'day') return undefined
    if (by === 'kind') return { ...events, kind: String(value) }
    if (by === 'channel') return { ...events, channel: [String(value)] }
    if ('property' in by) return { ...events, where: [...listOf(events.where), { property: by.property, is: value }] }
    return events
}
function personOf(by: By | undefined, value: Cell): Where {
    return typeof by === 'object' && 'attribute' in by && value !== null ? { attribute: by.attribute, is: value } : undefined
}
const isSayable = (by: By | undefined, value: Cell): boolean => by === undefined || (value !== null && !(typeof by === 'object' && 'attribute' in by && value === ''))
const did = (events: Events): Condition => ({ did: events })

/* ---- cells ----------------------------------------------------------------------------------- */

/** Who reached a level from low to high; of a group, who reached the low one. */
export function funnelCell(answer: Answer, low: number, high: number, group?: Cell): Where {
    const { question } = answer
    const { funnel, by } = question
    if (!funnel) return undefined
    if (group !== undefined && (!personOf(by, group) || group === '')) return counted(answer, { level: low, group })
    const level: Condition = { funnel, level: [low, high] }
    const touched = low === 0 ? { any: funnel.steps.map((step) => ({ did: step })) } : undefined
    const reached = low === 0 && high === funnel.steps.length ? undefined : level
    return joined(question.who, touched, reached, group === undefined ? undefined : personOf(by, group))
}

/** Who is in a cohort; with k: who of them is back in unit k. */
export function cohortCell(answer: Answer, cohortMs: number, zone: string, k?: number): Where {
    const { start, back, units = 'month', cohort, or_after, who } = answer.question
    const cell = { cohort_ms: cohortMs, ...(k !== undefined && { unit: k }) }
    if (!start || !back || (cohort !== 'every' && start.within)) return counted(answer, cell)
    const begin = beginText(cohortMs, zone)
    const unitAt = (n: number) => ({ from: unitAfter(begin, units, n), to: unitAfter(begin, units, n + 1), unit: units })
    const first = meet(unitAt(0), start.within, answer, zone)
    if (!first) return counted(answer, cell)
    const inside: Condition = cohort === 'every' ? { did: { ...start, within: first } } : { first_time: { ...start, within: first } }
    if (k === undefined) return joined(who, inside)
    const within = meet(or_after ? { from: unitAt(k).from } : unitAt(k), back.within, answer, zone)
    return within ? joined(who, inside, { did: { ...back, within } }) : counted(answer, cell)
}

/** Who has one of the events in a unit of the trend, of a group where there are such. */
export function trendCell(answer: Answer, fromMs: number, zone: string, group?: Cell): Where {
    const { events = {}, by, units = 'month' } = answer.question
    const from = beginText(fromMs, zone)
    const within = meet({ from, to: unitAfter(from, units, 1), unit: units }, events.within, answer, zone)
    const own = within && (group === undefined || isSayable(by, group)) ? eventsOf({ ...events, within }, group === undefined ? undefined : by, group ?? null) : undefined
    return own ? joined(answer.question.who, did(own), personOf(by, group ?? null)) : counted(answer, { from_ms: fromMs, ...(group !== undefined && { group }) })
}

/** Who has one of the events with this value. */
export function groupCell(answer: Answer, value: Cell): Where {
    const { events = {}, by, who } = answer.question
    const own = isSayable(by, value) ? eventsOf(events, by, value) : undefined
    return own ? joined(who, did(own), personOf(by, value)) : counted(answer, { group: value })
}

export interface Fifths {
    r?: number[]
    f?: number[]
    m?: number[]
}
/** The fifths are counted among those of `who`, the condition's among all. */
export function rfmCell(answer: Answer, fifths: Fifths, isAll: boolean): Where {
    const { events, of, who } = answer.question
    if (who || !isAll || !events || !of) return counted(answer, { ...fifths })
    return { rfm: events, of, ...fifths }
}

/** Who went from one to the next within a session, at any place of it. */
export function pathCell(answer: Answer, from: Cell, to: Cell): Where {
    const { question } = answer
    const { events = {}, by = 'kind', gap_seconds = 1800 } = question
    const first = eventsOf(events, by, from)
    const next = eventsOf(events, by, to)
    if (!first || !next || (typeof by === 'object' && 'attribute' in by)) return counted({ ...answer, question: { ...question, steps: 0 } }, { from, to })
    const seen = typeof by === 'object' ? { ...events, where: [...listOf(events.where), { property: by.property, exists: true }] } : events
    const funnel = { steps: [first, next], within_seconds: gap_seconds ? gap_seconds - 1 : SECONDS_MAX, exclude: [{ events: seen, after: 1 }] }
    return joined(question.who, { funnel, level: [2, 2] })
}

/** Who went that way at a step of the picture. */
export const stepCell = (answer: Answer, position: number, from: Cell, to: Cell): Where => counted(answer, { position, from, to })

/** Who was in a stage and is in another; without one of them, whichever. */
export const flowCell = (answer: Answer, from: number | undefined, to: number | undefined): Where => counted(answer, { ...(from !== undefined && { from }), ...(to !== undefined && { to }) })

/** Who came again after so many days, from the first on and before the second. */
export const daysCell = (answer: Answer, from: number, before: number): Where => counted(answer, { days: Array.from({ length: before - from }, (_, n) => from + n) })

/** Who came again within so many days, ever. */
export function intervalCell(answer: Answer, days: number): Where {
    const { question } = answer
    const { events = {}, pairs } = question
    if (pairs !== 'all') return daysCell(answer, 0, days)
    return joined(question.who, { sequence: [events, events], within_seconds: days * DAY_S - 1 })
}
