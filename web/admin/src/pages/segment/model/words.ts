/* A condition as a sentence, in the language shown. */
import { peeled } from './tree'
import { formOf, listOf, measureType, testOf, testOp, type Asked, type CellValue, type Condition, type Events, type Funnel, type Measure, type Test, type Value, type ValueType, type When, ROLLING } from './wire'

/** What things are called, and how values are written. */
export interface Names {
    kind: (name: string) => string
    column: (name: string) => string
    columnType: (name: string) => ValueType | undefined
    attribute: (name: string) => string
    attributeType: (name: string) => ValueType | undefined
    option: (attribute: string, value: Value) => string // a channel, a colleague, a choice: what a value of it is called
    channel: (id: string) => string
    tag: (id: string) => string
    segment: (id: string) => string
    money: (minor: number) => string
    list: (parts: string[]) => string
    day: (ms: number) => string
    stage: (name: string | undefined, number: number) => string
}
export type Say = (key: string, parts?: Record<string, unknown>) => string

/** Seconds in the largest unit that divides them. */
const LENGTHS: [number, string][] = [
    [86_400, 'days'],
    [3600, 'hours'],
    [60, 'minutes'],
    [1, 'seconds'],
]
export function spanOf(seconds: number): { count: number; unit: string } {
    const [length, unit] = LENGTHS.find(([one]) => seconds > 0 && seconds % one === 0) ?? [1, 'seconds']
    return { count: seconds / length, unit }
}
export const secondsOf = (count: number, unit: string): number => count * (LENGTHS.find(([, name]) => name === unit)?.[0] ?? 1)
const PPM_PERCENT = 10_000

export function wordsOf(names: Names, t: Say) {
    const say: Say = (key, parts) => t(`segment.say.${key}`, parts)

    function when(one: When | undefined): string {
        if (one?.last) {
            const unit = ROLLING.find((name) => name in (one.last ?? {})) ?? 'days'
            return say('last', { span: say(`span.${unit}`, { count: one.last[unit] }) })
        }
        if (one?.units) return say(one.current ? 'unitsRunning' : 'units', { span: say(`unit.${one.units}`, { count: one.count }) })
        if (one?.from && one.to) return say('fromTo', { from: one.from, to: one.to })
        if (one?.from) return say('from', { from: one.from })
        return one?.to ? say('to', { to: one.to }) : ''
    }
    const span = (seconds: number) => {
        const { count, unit } = spanOf(seconds)
        return say(`span.${unit}`, { count })
    }

    function value(one: Value, type: ValueType | undefined, option?: (one: Value) => string): string {
        if (option) return option(one)
        return type === 'money' && typeof one === 'number' ? names.money(one) : String(one)
    }
    function test(one: Test, type: ValueType | undefined, option?: (one: Value) => string): string {
        const write = (each: Value) => value(each, type, option)
        const op = testOp(one)
        const kind = type === 'date' ? 'date' : 'number'
        switch (op) {
            case 'is':
            case 'is_not':
            case 'has_all':
                return say(`test.${op}`, { values: names.list(listOf(one[op]).map(write)) })
            case 'at_least':
            case 'below':
                return say(`test.${kind}.${op}`, { value: write(one[op] as Value) })
            case 'between':
                return say('test.between', { low: write((one.between as Value[])[0] as Value), high: write((one.between as Value[])[1] as Value) })
            case 'exists':
                return say(one.exists ? 'test.exists' : 'test.missing')
            case 'contains':
            case 'starts':
                return say(`test.${op}`, { value: one[op] })
            case 'within':
                return say('test.within', { when: when(one.within) })
            case 'anniversary':
                return say('test.anniversary', { low: one.anniversary?.[0], high: one.anniversary?.[1] })
            default:
                return ''
        }
    }
    const attributeTest = (name: string, one: Test) => test(one, names.attributeType(name), names.attributeType(name) === 'id' || names.attributeType(name) === 'number' ? (each) => names.option(name, each) : undefined)

    function filters(events: Events): string[] {
        const own = [...(events.channel ? [say('inChannel', { names: names.list(listOf(events.channel).map(names.channel)) })] : []), ...(events.subject ? [say('ofSubject', { names: names.list(listOf(events.subject)) })] : [])]
        return [...own, ...listOf(events.where).map((one) => `${names.column(one.property)}${say('gap')}${test(testOf(one), names.columnType(one.property))}`)]
    }
    /** What happened, without when. */
    function what(events: Events): string {
        const kinds = listOf(events.kind)
        const name = kinds.length ? names.list(kinds.map(names.kind)) : say('anything')
        const more = filters(events)
        return more.length ? say('filtered', { name, filters: more.join(say('and')) }) : name
    }
    function events(one: Events): string {
        const time = when(one.within)
        return time ? say('timed', { when: time, what: what(one) }) : what(one)
    }
    const chain = (steps: Events[]) => steps.map(events).join(' → ')

    function did(one: Condition): string {
        const { did: pattern = {}, measure = 'count', of } = one
        const it = { what: what(pattern), when: when(pattern.within) }
        const timed = (text: string) => (it.when ? say('timed', { when: it.when, what: text }) : text)
        if (!testOp(one) || (measure === 'count' && one.at_least === 1)) return timed(say('did', it))
        if (measure === 'count' && (one.below === 1 || listOf(one.is).join() === '0')) return timed(say('didNot', it))
        const type = measureType(measure, of === undefined ? undefined : names.columnType(of))
        const tested = type === 'moment' ? say('test.within', { when: when(one.within) }) : test(testOf(one), type)
        return timed(say(`measure.${measure}${of === undefined ? '' : 'Of'}`, { ...it, of: of === undefined ? '' : measured(measure, of), test: tested }))
    }
    const measured = (measure: Measure, of: string) => (measure === 'distinct' && (of === 'channel' || of === 'kind') ? say(`distinct.${of}`) : names.column(of))
    function funnel(one: Funnel): string {
        const order = one.order && one.order !== 'ordered' ? say(`order.${one.order}`) : ''
        return say('funnelOf', { chain: chain(one.steps), span: span(one.within_seconds), order })
    }
    function fifths(one: Condition): string {
        const parts = (['r', 'f', 'm'] as const).filter((name) => one[name] !== undefined).map((name) => `${name.toUpperCase()} ${listOf(one[name]).join('、')}`)
        return parts.length ? parts.join('，') : say('anyCell')
    }

    /* What a column of an answer says of its people. */
    function grouped(by: Asked['by'], one: CellValue): string {
        if (one === null) return say('cell.rest')
        if (one === '') return say('cell.none')
        if (by === 'kind') return names.kind(String(one))
        if (by === 'channel') return names.channel(String(one))
        if (typeof by === 'object' && by.attribute) return names.option(by.attribute, one)
        return value(one, typeof by === 'object' && by.property ? names.columnType(by.property) : undefined)
    }
    function celled(asked: Asked, column: string, one: CellValue): string {
        if (column === 'cohort_ms' || column === 'from_ms') return names.day(Number(one))
        if (asked.ask === 'flow' && column !== 'group') return names.stage(asked.stages?.[Number(one) - 1]?.name, Number(one))
        return column === 'group' || column === 'from' || column === 'to' ? grouped(asked.by ?? (asked.ask === 'paths' ? 'kind' : undefined), one) : String(one)
    }
    function cellOf(asked: Asked, [column, one]: [string, CellValue | CellValue[]]): string {
        const all = listOf(one)
        const isRun = all.length > 2 && all.every((each, at) => typeof each === 'number' && each === Number(all[0]) + at)
        return say(`cell.${column}`, { value: isRun ? `${all[0]}–${all.at(-1)}` : names.list(all.map((each) => celled(asked, column, each))) })
    }
    function answer(asked: Asked, cell: Condition['cell'] = {}): string {
        const about = asked.funnel ? funnel(asked.funnel) : asked.start ? `${events(asked.start)} → ${events(asked.back ?? {})}` : asked.within ? when(asked.within) : events(asked.events ?? {})
        const whole = asked.who ? say('filtered', { name: about, filters: sentence(asked.who) }) : about
        return say('answer', { ask: say(`asks.${asked.ask}`), about: whole, cell: Object.entries(cell).map((one) => cellOf(asked, one)).join(say('comma')) || say('cell.any') })
    }

    function leaf(one: Condition): string {
        switch (formOf(one)) {
            case 'everyone':
                return say('everyone')
            case 'attribute':
                return `${names.attribute(one.attribute ?? '')}${say('gap')}${attributeTest(one.attribute ?? '', testOf(one))}`
            case 'tag':
                return say(`tag.${one.match ?? 'any'}`, { names: names.list(listOf(one.tag).map(names.tag)) })
            case 'list':
            case 'segment':
                return say(`segment.${one.match ?? 'any'}`, { names: names.list(listOf(one.list ?? one.segment).map(names.segment)) })
            case 'bucket':
                return say('bucket', { salt: one.bucket?.salt, from: (one.bucket?.from ?? 0) / PPM_PERCENT, to: (one.bucket?.to ?? 0) / PPM_PERCENT })
            case 'did':
                return did(one)
            case 'sequence':
                return say('sequence', { chain: chain(one.sequence ?? []), span: span(one.within_seconds ?? 0) })
            case 'funnel':
                return say('funnel', { funnel: funnel(one.funnel as Funnel), low: one.level?.[0], high: one.level?.[1] })
            case 'regularly':
                return say('regularly', {
                    when: when({ units: one.units, count: one.count, current: one.current }),
                    least: say(`unit.${one.units}`, { count: one.at_least }),
                    times: one.times ?? 1,
                    what: what(one.regularly ?? {}),
                })
            case 'first_time':
                return say('firstTime', { when: when(one.first_time?.within), what: what(one.first_time ?? {}) })
            case 'stopped':
                return say('stopped', { when: when(one.stopped?.within), later: when(one.later), what: what(one.stopped ?? {}) })
            case 'restarted':
                return say('restarted', { when: when(one.restarted?.within), later: when(one.later), again: when(one.again), what: what(one.restarted ?? {}) })
            case 'rfm':
                return say('rfm', { what: events(one.rfm ?? {}), of: names.column(one.of ?? ''), cells: fifths(one) })
            case 'purchase':
                return say(`purchase.${one.purchase}`, { what: what({ kind: one.kind }) })
            case 'answer':
                return answer(one.answer as Asked, one.cell)
            default:
                return JSON.stringify(one)
        }
    }
    function sentence(condition: Condition, isInner = false): string {
        const { inner, isNot } = peeled(condition, '')
        const parts = formOf(inner) === 'all' ? inner.all : formOf(inner) === 'any' ? inner.any : undefined
        if (isNot) return say('not', { it: sentence(inner) })
        if (!parts) return leaf(inner)
        if (parts.length === 0) return say(inner.all ? 'everyone' : 'nobody')
        if (parts.length === 1) return sentence(parts[0] as Condition, isInner)
        const text = parts.map((part) => sentence(part, true)).join(say(inner.all ? 'and' : 'or'))
        return isInner ? say('inner', { it: text }) : text
    }
    return { sentence: (condition: Condition) => sentence(condition), events, when, test, span }
}
