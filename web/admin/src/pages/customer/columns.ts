/* The columns a list of customers can show, in the order they are offered; and those of a file. */
import type { Item, Reply } from '@papilio/api'
import type { Format } from '@/lib/format'

export type Customer = Item<Reply<'/api/customers'>>

export interface Column {
    name: string // as the export calls it
    isNumber?: boolean
    text?: (customer: Customer, format: Format, locale: string) => string
}

const dash = (text: string | null | undefined) => text || '–'

export const COLUMNS: Column[] = [
    { name: 'state' },
    { name: 'channel_name', text: (c) => dash(c.channel_name) },
    { name: 'tags' },
    { name: 'order_count', isNumber: true, text: (c, f) => f.count(c.order_count) },
    { name: 'paid', isNumber: true, text: (c, f) => f.money(c.paid_fen) },
    { name: 'last_order', text: (c, f) => f.day(c.last_order_ms) },
    { name: 'touched', text: (c, f) => f.day(c.touched_ms) },
    { name: 'owner_name', text: (c) => dash(c.owner_name) },
    { name: 'org_name', text: (c) => dash(c.org_name) },
    { name: 'life_stage', text: (c, _f, locale) => dash(locale === 'zh' ? c.life_stage_zh : c.life_stage_en) },
    { name: 'birth', text: (c) => dash(c.birth_date) },
    { name: 'first_order', text: (c, f) => f.day(c.first_order_ms) },
    { name: 'refunded', isNumber: true, text: (c, f) => f.money(c.refunded_fen) },
    { name: 'added', text: (c, f) => f.day(c.added_ms) },
    { name: 'action', text: (c) => dash(c.action_date) },
    { name: 'invited_count', isNumber: true, text: (c, f) => f.count(c.invited_count) },
    { name: 'email', text: (c) => dash(c.email) },
    { name: 'customer_number', isNumber: true, text: (c) => String(c.customer_number) },
]
export const COLUMNS_USUAL = ['state', 'channel_name', 'tags', 'order_count', 'paid', 'last_order', 'touched']

export function columnsOf(text: string): Column[] {
    const names = text ? text.split(' ') : COLUMNS_USUAL
    return names.map((name) => COLUMNS.find((column) => column.name === name)).filter((column): column is Column => column !== undefined)
}
