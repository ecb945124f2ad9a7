/* What can be added, in the groups people look in. */
import type { Choice } from '@/lib/audience'
import type { Condition, Test, ValueType } from './wire'

export interface Pick {
    group: 'attribute' | 'tag' | 'behaviour' | 'sequence' | 'spending' | 'rfm' | 'set' | 'bucket' | 'funnel'
    key: string // its words, where `label` does not say them
    label?: string
    make: () => Condition
}
const PAID = 'order_paid'
const last = (days: number) => ({ last: { days } })
const pick = (group: Pick['group'], key: string, condition: Condition): Pick => ({ group, key, make: () => structuredClone(condition) })

const FIXED: Pick[] = [
    pick('tag', 'tag', { tag: [] }),
    pick('tag', 'tagNone', { tag: [], match: 'none' }),
    pick('behaviour', 'did', { did: { within: last(30) } }),
    pick('behaviour', 'didNot', { did: { within: last(30) }, below: 1 }),
    pick('behaviour', 'often', { did: { within: last(30) }, at_least: 3 }),
    pick('behaviour', 'days', { did: { within: last(30) }, measure: 'days', at_least: 3 }),
    pick('behaviour', 'lastTime', { did: {}, measure: 'last', within: last(7) }),
    pick('behaviour', 'firstTime', { first_time: { kind: [PAID], within: last(30) } }),
    pick('behaviour', 'regularly', { regularly: { kind: ['page_viewed'] }, units: 'week', count: 4, at_least: 3 }),
    pick('behaviour', 'stopped', { stopped: { kind: [PAID], within: { units: 'quarter', count: 1 } }, later: last(30) }),
    pick('behaviour', 'restarted', { restarted: { kind: [PAID], within: { units: 'year', count: 1 } }, later: { units: 'quarter', count: 1 }, again: last(30) }),
    pick('sequence', 'sequence', { sequence: [{ kind: ['product_viewed'] }, { kind: [PAID] }], within_seconds: 7 * 86_400 }),
    pick('spending', 'never', { purchase: 'never', kind: [PAID] }),
    pick('spending', 'first', { purchase: 'first', kind: [PAID] }),
    pick('spending', 'repeat', { purchase: 'repeat', kind: [PAID] }),
    pick('spending', 'spent', { did: { kind: [PAID], within: last(365) }, measure: 'sum', of: 'amount', at_least: 100_000 }),
    pick('spending', 'orders', { did: { kind: [PAID], within: last(365) }, at_least: 2 }),
    pick('spending', 'biggest', { did: { kind: [PAID] }, measure: 'max', of: 'amount', at_least: 50_000 }),
    pick('spending', 'lastOrder', { did: { kind: [PAID] }, measure: 'last', within: last(30) }),
    pick('rfm', 'rfm', { rfm: { kind: [PAID], within: last(365) }, of: 'amount', r: [4, 5], f: [4, 5], m: [4, 5] }),
    pick('set', 'segment', { segment: [] }),
    pick('set', 'segmentNone', { segment: [], match: 'none' }),
    pick('set', 'list', { list: [] }),
    pick('bucket', 'bucket', { bucket: { salt: '', from: 0, to: 100_000 } }),
    pick('funnel', 'funnel', { funnel: { steps: [{ kind: ['product_viewed'] }, { kind: ['added_to_cart'] }, { kind: [PAID] }], within_seconds: 7 * 86_400 }, level: [1, 2] }),
]

function testOfType(name: string, type: ValueType, isFlag: boolean): Test {
    if (isFlag) return { is: [1] }
    if (name.includes('birth')) return { anniversary: [0, 30] }
    if (type === 'number') return { at_least: 1 }
    if (type === 'money') return { at_least: 10_000 }
    return type === 'date' ? { within: last(30) } : { is: [] }
}

export function picksOf(attributes: Choice[], kinds: Choice[], typeOf: (attribute: string) => ValueType, isFlag: (attribute: string) => boolean): Pick[] {
    const ofAttributes = attributes.map(({ value, label }): Pick => ({ group: 'attribute', key: 'attribute', label, make: () => ({ attribute: value, ...testOfType(value, typeOf(value), isFlag(value)) }) }))
    const ofKinds = kinds.map(({ value, label }): Pick => ({ group: 'behaviour', key: 'kind', label, make: () => ({ did: { kind: [value], within: last(30) } }) }))
    return [...ofAttributes, ...FIXED, ...ofKinds]
}
