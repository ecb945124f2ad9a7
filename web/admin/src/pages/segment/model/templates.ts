/* Ready segments to begin with; each opens the builder filled in. */
import type { Condition } from './wire'

export interface Template {
    key: string
    kinds: string[] // of events it is about
    needs?: 'channel' | 'tag' // what is to be chosen still
    who: Condition
}
const PAID = 'order_paid'
const last = (days: number) => ({ last: { days } })

export const TEMPLATES: Template[] = [
    {
        key: 'lapsed',
        kinds: [PAID],
        who: { all: [{ did: { kind: PAID } }, { did: { kind: PAID, within: last(30) }, below: 1 }] },
    },
    {
        key: 'afterFirst',
        kinds: [PAID],
        who: { all: [{ first_time: { kind: PAID, within: last(7) } }, { did: { kind: PAID }, is: [1] }] },
    },
    {
        key: 'looked',
        kinds: ['product_viewed', PAID],
        who: { all: [{ did: { kind: 'product_viewed', within: last(7) } }, { did: { kind: PAID, within: last(7) }, below: 1 }] },
    },
    {
        key: 'valuable',
        kinds: [PAID],
        who: { all: [{ did: { kind: PAID }, measure: 'sum', of: 'amount', at_least: 100_000 }, { did: { kind: PAID, within: last(90) }, below: 1 }] },
    },
    {
        key: 'cart',
        kinds: ['added_to_cart', PAID],
        who: { all: [{ did: { kind: 'added_to_cart', within: last(3) } }, { did: { kind: PAID, within: last(3) }, below: 1 }] },
    },
    {
        key: 'sharing',
        kinds: ['content_shared'],
        who: { all: [{ did: { kind: 'content_shared', within: last(30) }, at_least: 2 }] },
    },
    {
        key: 'birthday',
        kinds: [],
        who: { all: [{ attribute: 'birth_day', anniversary: [0, 30] }] },
    },
    {
        key: 'newcomers',
        kinds: [],
        needs: 'channel',
        who: { all: [{ attribute: 'channel', is: [] }, { attribute: 'added_day', within: last(30) }] },
    },
]
