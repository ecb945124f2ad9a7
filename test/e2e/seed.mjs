/* A small brand whose numbers a test can say beforehand: 60 customers, 30 of them buyers, 12 who came back, 5 loyal,
 * 2 who brought someone. Made through the same calls as any user's. */
const DAY_MS = 86_400_000
const BATCH = 20

async function inBatches(items, work) {
    for (let at = 0; at < items.length; at += BATCH) await Promise.all(items.slice(at, at + BATCH).map(work))
}

export const COUNT = { reached: 60, added: 40, buyers: 30, repeat: 12, loyal: 5, sharing: 2 }

export async function seed(server) {
    const now = Date.now()
    const channel = async (code, name, kind, parent_id) =>
        (await server.post('/api/channels', { code, name, kind, ...(parent_id && { parent_id }) })).id
    const store = await channel('store', '线下门店', 'store')
    const ad = await channel('ad', '广告投放', 'ad')
    const moments = await channel('moments', '朋友圈广告', 'ad', ad)
    const cost = { spent_date: new Date(now - 10 * DAY_MS).toISOString().slice(0, 10), cost_fen: 300_000, note: '首批投放' }
    await server.post(`/api/channels/${moments}/costs`, cost)

    const numbers = Array.from({ length: COUNT.reached }, (_, i) => i + 1)
    const phone = (n) => `139000${String(n).padStart(5, '0')}`
    const ids = new Map()
    await inBatches(numbers, async (n) => {
        const body = { name: `客户${String(n).padStart(2, '0')}`, phone: phone(n), region: n % 2 ? '上海' : '浙江 杭州' }
        ids.set(n, (await server.post('/api/customers', { ...body, channel_id: n % 3 ? moments : store })).id)
    })
    const orders = []
    const order = (n, days, count) => orders.push({ n, days, count })
    for (const n of numbers.slice(0, COUNT.buyers)) order(n, n <= COUNT.repeat ? 120 : n % 2 ? 20 : 200, 1)
    for (const n of numbers.slice(0, COUNT.repeat)) order(n, 60, 2)
    for (const n of numbers.slice(0, COUNT.loyal)) order(n, 5, 3)
    await inBatches(orders, ({ n, days, count }) =>
        server.post(
            '/api/orders',
            {
                source: 'shop',
                order_no: `A${n}-${count}`,
                placed_ms: now - days * DAY_MS,
                customer_id: ids.get(n),
                lines: [
                    { product_code: 'SKU-1', product_name: '亚麻衬衫', quantity_count: 2, unit_price_micro: 199_000_000 },
                    { product_code: 'SKU-2', product_name: '帆布包', quantity_count: 1, unit_price_micro: 89_500_000 },
                ],
            },
            { 'Idempotency-Key': `seed-${n}-${count}` },
        ),
    )
    const who = (n) => ({ kind: 'phone', value: phone(n) })
    const event = (kind, n, properties) => ({
        message_id: `${kind}-${n}`,
        kind,
        occurred_ms: now - 3600_000,
        customer: who(n),
        ...(properties && { properties }),
    })
    const events = [
        ...numbers.slice(0, COUNT.added).map((n) => event('friend_added', n)),
        ...[59, 60].map((n) => event('invite_accepted', n, { inviter_kind: 'phone', inviter_value: phone(n - 58) })),
        event('page_viewed', 1, { url: 'https://shop.example/linen', title: '亚麻系列' }),
    ]
    const { rejected } = await server.post('/api/v1/events', { events })
    if (rejected.length) throw new Error(JSON.stringify(rejected))
    await server.post('/api/tags', { family: 'intent', name: '高意向', color: '#d9a441' })
    await server.post('/api/tags', { family: 'spending', name: '高客单', color: '#1b8a72' })
    return { ids, store, ad, moments }
}
