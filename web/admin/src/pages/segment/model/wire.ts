/* Conditions as the server reads them (docs/query.md), and which of them the editor knows whole. Always: what it does not know
 * it shows as JSON and leaves as it is. */
export const ROLLING = ['days', 'weeks', 'hours', 'minutes', 'seconds'] as const
export type Rolling = (typeof ROLLING)[number]
export const UNITS = ['day', 'week', 'month', 'quarter', 'year'] as const
export type Unit = (typeof UNITS)[number]
export interface When {
    last?: Partial<Record<Rolling, number>>
    units?: Unit
    count?: number
    current?: boolean
    from?: string
    to?: string
}

export type ValueType = 'number' | 'money' | 'date' | 'id' | 'text' | 'choices'
export type Value = number | string
export interface Test {
    is?: Value | Value[]
    is_not?: Value | Value[]
    has_all?: Value | Value[]
    at_least?: Value
    below?: Value
    between?: [Value, Value]
    exists?: boolean
    contains?: string
    starts?: string
    within?: When
    anniversary?: [number, number]
}
export interface PropertyTest extends Test {
    property: string
}
export interface Events {
    kind?: string | string[]
    channel?: string | string[]
    subject?: string | string[]
    where?: PropertyTest | PropertyTest[]
    within?: When
}
export const ORDERS = ['ordered', 'strict', 'any'] as const
export interface Funnel {
    steps: Events[]
    within_seconds: number
    order?: (typeof ORDERS)[number]
    exclude?: Exclusion | Exclusion[]
}
export interface Exclusion {
    events: Events
    after: number
}
export const MEASURES = ['count', 'days', 'sum', 'max', 'min', 'distinct', 'first', 'last'] as const
export type Measure = (typeof MEASURES)[number]
export const MATCHES = ['any', 'all', 'none'] as const
export const PURCHASES = ['never', 'first', 'repeat'] as const

/** A question whose answer has cells (docs/query.md), as far as words are said of it. */
export interface Asked {
    ask: string
    who?: Condition
    funnel?: Funnel
    start?: Events
    back?: Events
    events?: Events
    within?: When
    by?: string | { property?: string; attribute?: string }
    stages?: { name: string; who: Condition }[]
}
export type CellValue = Value | null

/* One object for all forms: which one it is says formOf. */
export interface Condition extends Test {
    all?: Condition[]
    any?: Condition[]
    not?: Condition
    everyone?: true
    attribute?: string
    tag?: string | string[]
    list?: string | string[]
    segment?: string | string[]
    match?: (typeof MATCHES)[number]
    bucket?: { salt: string; from: number; to: number }
    did?: Events
    measure?: Measure
    of?: string
    sequence?: Events[]
    within_seconds?: number
    funnel?: Funnel
    level?: [number, number]
    regularly?: Events
    units?: Unit
    count?: number
    current?: boolean
    times?: number
    first_time?: Events
    stopped?: Events
    restarted?: Events
    later?: When
    again?: When
    rfm?: Events
    r?: number | number[]
    f?: number | number[]
    m?: number | number[]
    purchase?: (typeof PURCHASES)[number]
    kind?: string | string[]
    answer?: Asked
    cell?: Record<string, CellValue | CellValue[]>
}

/** A list, where a single one may stand without brackets. */
export function listOf<T>(value: T | T[] | undefined): T[] {
    return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

/* ---- what fits --------------------------------------------------------------------------------- */

type Fits = (value: unknown) => boolean
const isText: Fits = (value) => typeof value === 'string'
const isNumber: Fits = (value) => Number.isSafeInteger(value)
const isFlag: Fits = (value) => typeof value === 'boolean'
const isTrue: Fits = (value) => value === true
const isValue: Fits = (value) => isText(value) || isNumber(value)
const isOf =
    (words: readonly string[]): Fits =>
    (value) =>
        words.includes(value as string)
const isList =
    (one: Fits, length?: number): Fits =>
    (value) =>
        Array.isArray(value) && (length === undefined || value.length === length) && value.every(one)
const isListed =
    (one: Fits): Fits =>
    (value) =>
        one(value) || isList(one)(value)

/* An object with members of these, those of `needed` for certain. */
function isWith(members: Record<string, Fits>, needed: string[] = []): Fits {
    return (value) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        needed.every((name) => name in value) &&
        Object.entries(value).every(([name, part]) => members[name]?.(part) ?? false)
}
const isAnything: Fits = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

const isLast: Fits = (value) => isWith(Object.fromEntries(ROLLING.map((unit) => [unit, isNumber])))(value) && Object.keys(value as object).length === 1
const isWhen: Fits = (value) =>
    isWith({ last: isLast }, ['last'])(value) ||
    isWith({ units: isOf(UNITS), count: isNumber, current: isFlag }, ['units', 'count'])(value) ||
    isWith({ from: isText, to: isText })(value)

const TEST: Record<string, Fits> = {
    is: isListed(isValue),
    is_not: isListed(isValue),
    has_all: isListed(isValue),
    at_least: isValue,
    below: isValue,
    between: isList(isValue, 2),
    exists: isFlag,
    contains: isText,
    starts: isText,
    within: isWhen,
    anniversary: isList(isNumber, 2),
}
export type Op = keyof Test
export const OPS = Object.keys(TEST) as Op[]
const testCount = (value: object) => OPS.filter((op) => op in value).length
const isTested =
    (members: Record<string, Fits>, needed: string[], least = 1): Fits =>
    (value) =>
        isWith({ ...members, ...TEST }, needed)(value) && testCount(value as object) <= 1 && testCount(value as object) >= least

const isEvents = isWith({
    kind: isListed(isText),
    channel: isListed(isText),
    subject: isListed(isText),
    where: isListed(isTested({ property: isText }, ['property'])),
    within: isWhen,
})
const isFunnel = isWith(
    {
        steps: isList(isEvents),
        within_seconds: isNumber,
        order: isOf(ORDERS),
        exclude: isListed(isWith({ events: isEvents, after: isNumber }, ['events', 'after'])),
    },
    ['steps', 'within_seconds'],
)
const set = (name: string): Fits => isWith({ [name]: isListed(isText), match: isOf(MATCHES) }, [name])

export const ASKS = ['funnel', 'retention', 'paths', 'breakdown', 'trend', 'rfm', 'interval', 'flow'] as const
const isWithAsk: Fits = (value) => isAnything(value) && isOf(ASKS)((value as { ask?: unknown }).ask)

const FITS = {
    all: isWith({ all: isList(isAnything) }),
    any: isWith({ any: isList(isAnything) }),
    not: isWith({ not: isAnything }),
    everyone: isWith({ everyone: isTrue }),
    attribute: isTested({ attribute: isText }, ['attribute']),
    tag: set('tag'),
    list: set('list'),
    segment: set('segment'),
    bucket: isWith({ bucket: isWith({ salt: isText, from: isNumber, to: isNumber }, ['salt', 'from', 'to']) }),
    did: (value: unknown) => isTested({ did: isEvents, measure: isOf(MEASURES), of: isText }, ['did'], 0)(value) && (testCount(value as object) === 1 || !(value as Condition).measure || (value as Condition).measure === 'count'),
    sequence: isWith({ sequence: isList(isEvents), within_seconds: isNumber }, ['sequence', 'within_seconds']),
    funnel: isWith({ funnel: isFunnel, level: isList(isNumber, 2) }, ['funnel', 'level']),
    regularly: isWith({ regularly: isEvents, units: isOf(UNITS), count: isNumber, current: isFlag, times: isNumber, at_least: isNumber }, ['regularly', 'units', 'count', 'at_least']),
    first_time: isWith({ first_time: isEvents }),
    stopped: isWith({ stopped: isEvents, later: isWhen }, ['stopped', 'later']),
    restarted: isWith({ restarted: isEvents, later: isWhen, again: isWhen }, ['restarted', 'later', 'again']),
    rfm: isWith({ rfm: isEvents, of: isText, r: isListed(isNumber), f: isListed(isNumber), m: isListed(isNumber) }, ['rfm', 'of']),
    purchase: isWith({ purchase: isOf(PURCHASES), kind: isListed(isText) }, ['purchase', 'kind']),
    answer: isWith({ answer: isWithAsk, cell: isAnything }, ['answer', 'cell']),
} satisfies Record<string, Fits>
export type Form = keyof typeof FITS | 'json'

export function formOf(condition: Condition): Form {
    const form = (Object.keys(FITS) as (keyof typeof FITS)[]).find((name) => name in condition)
    return form && FITS[form](condition) ? form : 'json'
}

/* ---- tests by type ----------------------------------------------------------------------------- */

const NUMBER_OPS: Op[] = ['at_least', 'below', 'between', 'is', 'is_not', 'exists']
export const OPS_OF: Record<ValueType, Op[]> = {
    number: NUMBER_OPS,
    money: NUMBER_OPS,
    date: ['within', 'anniversary', 'at_least', 'below', 'between', 'is', 'is_not', 'exists'],
    id: ['is', 'is_not', 'exists'],
    text: ['is', 'is_not', 'contains', 'starts', 'exists'],
    choices: ['is', 'has_all', 'is_not', 'exists'],
}
export const testOp = (test: Test): Op | undefined => OPS.find((op) => op in test)
export const testOf = (from: Test): Test => Object.fromEntries(OPS.filter((op) => op in from).map((op) => [op, from[op]]))
const without = <T extends object>(from: T, names: readonly string[]): T => Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name))) as T
/** The same with another test. */
export const withTest = <T extends Test>(from: T, test: Test): T => ({ ...without(from, OPS), ...test })

const START: Record<ValueType, Value> = { number: 1, money: 10_000, date: '2026-01-01', id: '', text: '', choices: '' }
function higher(value: Value, type: ValueType): Value {
    if (typeof value === 'number') return type === 'money' ? value + 10_000 : value + 10
    const ms = Date.parse(`${value}T00:00:00Z`)
    return Number.isNaN(ms) ? value : new Date(ms + 30 * 86_400_000).toISOString().slice(0, 10)
}

/** A test of that kind, with the value there was as far as it fits. */
export function testFor(op: Op, type: ValueType, was: Test): Test {
    const values = listOf(was.is ?? was.is_not ?? was.has_all ?? was.between)
    const value = was.at_least ?? was.below ?? values[0] ?? START[type]
    const isOne = type === 'number' || type === 'money' || type === 'date'
    switch (op) {
        case 'is':
        case 'is_not':
        case 'has_all':
            return { [op]: isOne ? [value] : (was.contains ?? was.starts) ? [was.contains ?? was.starts] : values }
        case 'at_least':
        case 'below':
            return { [op]: value }
        case 'between':
            return { between: [value, higher(value, type)] }
        case 'contains':
        case 'starts':
            return { [op]: was.contains ?? was.starts ?? String(values[0] ?? '') }
        case 'exists':
            return { exists: true }
        case 'within':
            return { within: { last: { days: 30 } } }
        case 'anniversary':
            return { anniversary: [0, 7] }
    }
}

/** Of which type a measure's value is; `moment`: a time, tested by `within`. */
export function measureType(measure: Measure, ofType: ValueType | undefined): ValueType | 'moment' {
    if (measure === 'count' || measure === 'days' || measure === 'distinct') return 'number'
    if ((measure === 'first' || measure === 'last') && ofType === undefined) return 'moment'
    return ofType ?? 'number'
}

/* ---- what is not filled in yet ------------------------------------------------------------------ */

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && (value.length === 0 || value.some(isEmpty)))
function isTestOpen(test: Test): boolean {
    const op = testOp(test)
    return op !== undefined && (op === 'within' ? isWhenOpen(test.within) : isEmpty(test[op]))
}
const isWhenOpen = (when: When | undefined): boolean => when !== undefined && Object.keys(when).length === 0
function isEventsOpen(events: Events | undefined): boolean {
    return events !== undefined && ([events.kind, events.channel, events.subject].some(isEmpty) || listOf(events.where).some(isTestOpen) || isWhenOpen(events.within))
}
function isLeafOpen(leaf: Condition): boolean {
    const events = [leaf.did, leaf.regularly, leaf.first_time, leaf.stopped, leaf.restarted, leaf.rfm, ...(leaf.sequence ?? []), ...(leaf.funnel?.steps ?? []), ...listOf(leaf.funnel?.exclude).map((one) => one.events)]
    return (
        events.some(isEventsOpen) ||
        [leaf.tag, leaf.list, leaf.segment, leaf.kind, leaf.of, leaf.bucket?.salt, leaf.r, leaf.f, leaf.m].some(isEmpty) ||
        [leaf.later, leaf.again].some(isWhenOpen) ||
        (formOf(leaf) !== 'regularly' && isTestOpen(leaf))
    )
}

/** JSON pointers of the conditions that are not filled in yet; empty groups within are among them. */
export function openOf(condition: Condition, path = ''): string[] {
    const form = formOf(condition)
    if (form === 'json') return []
    if (condition.not) return openOf(condition.not, `${path}/not`)
    const parts = form === 'all' ? condition.all : form === 'any' ? condition.any : undefined
    if (!parts) return isLeafOpen(condition) ? [path] : []
    if (!parts.length) return path === '' ? [] : [path]
    return parts.flatMap((part, index) => openOf(part, `${path}/${form}/${index}`))
}
