/* The small brand the guide's pictures show: an organisation, colleagues, two dozen customers, their orders and tags. Made
 * through the same calls as any user's. Phones begin with 100, where no number is. */
const DAY_MS = 86_400_000
const NAMES =
    '林晓雨 王雅琴 张静怡 李慕白 陈思远 刘欣然 杨若曦 赵明轩 黄梓涵 周雨桐 吴嘉树 徐婉清 孙亦凡 马可欣 朱子墨 胡悦宁 郭书瑶 何景行 高语嫣 罗天佑 郑安琪 梁知夏 谢临风 宋清欢'.split(' ')
const REGIONS = ['上海', '浙江 杭州', '江苏 南京', '广东 深圳']
const PRODUCTS = [
    ['SKU-101', '有机棉连体衣', 129],
    ['SKU-205', '婴儿润肤霜', 89],
    ['SKU-310', '辅食研磨碗', 59],
]
const phone = (n) => `1000000${String(n).padStart(4, '0')}`

async function organisation(server) {
    const org = async (code, name, kind, parent_id) => (await server.post('/api/orgs', { code, name, kind, ...(parent_id && { parent_id }) })).id
    const hq = await org('hq', '青禾总部', 'company')
    const east = await org('east', '华东大区', 'region', hq)
    const store = await org('nj', '南京西路店', 'store', east)
    await org('wl', '武林路店', 'store', east)
    await org('dealer-sz', '深圳经销商', 'dealer', hq)
    const staff = async (login, name, role, org_id) =>
        (await server.post('/api/staff', { login, name, role, org_id, password: 'another horse 9' })).id
    const guide = await staff('wangbo', '王博', 'guide', store)
    await staff('liuyun', '刘芸', 'operator', hq)
    await staff('hejie', '何洁', 'service', hq)
    return { store, guide }
}

async function channels(server) {
    const channel = async (code, name, kind, parent_id) =>
        (await server.post('/api/channels', { code, name, kind, ...(parent_id && { parent_id }) })).id
    const stores = await channel('store', '线下门店', 'store')
    const store = await channel('store-nj', '南京西路店', 'store', stores)
    const ads = await channel('ad', '广告投放', 'ad')
    const moments = await channel('moments', '朋友圈广告', 'ad', ads)
    const cost = { spent_date: new Date(Date.now() - 40 * DAY_MS).toISOString().slice(0, 10), cost_fen: 128_000, note: '首批投放' }
    await server.post(`/api/channels/${moments}/costs`, cost)
    return [store, moments, moments]
}

async function customersAndOrders(server, places) {
    const ids = []
    for (const [at, name] of NAMES.entries()) {
        const body = { name, phone: phone(at + 1), region: REGIONS[at % REGIONS.length], channel_id: places[at % places.length] }
        ids.push((await server.post('/api/customers', body)).id)
    }
    const orders = NAMES.flatMap((_, at) => {
        const count = [4, 1, 2, 0, 1, 3][at % 6]
        return Array.from({ length: count }, (_, n) => ({ at, n, days: 12 + ((at * 17) % 150) + n * (20 + at) }))
    })
    for (const { at, n, days } of orders) {
        const [product_code, product_name, price] = PRODUCTS[(at + n) % PRODUCTS.length]
        const line = { product_code, product_name, quantity_count: 1 + ((at + n) % 3), unit_price_micro: price * 1_000_000 }
        const order = { source: 'shop', order_no: `QH${at + 1}-${n + 1}`, placed_ms: Date.now() - days * DAY_MS, customer_id: ids[at], lines: [line] }
        await server.post('/api/orders', order, { 'Idempotency-Key': `guide-${at}-${n}` })
    }
    const who = (n) => ({ kind: 'phone', value: phone(n) })
    const event = (kind, n, properties) => ({ message_id: `${kind}-${n}`, kind, occurred_ms: Date.now() - 3600_000, customer: who(n), ...(properties && { properties }) })
    const events = [
        ...NAMES.slice(0, 16).map((_, at) => event('friend_added', at + 1)),
        ...[20, 22].map((n) => event('invite_accepted', n, { inviter_kind: 'phone', inviter_value: phone(n - 19) })),
        event('product_viewed', 1, { product_code: 'SKU-205', product_name: '婴儿润肤霜' }),
    ]
    const { rejected } = await server.post('/api/v1/events', { events })
    if (rejected.length) throw new Error(JSON.stringify(rejected))
    return ids
}

async function profile(server, ids, { guide }) {
    const group = (await server.post('/api/tag-groups', { family: 'intent', name: '价格偏好', is_exclusive: true })).id
    const home = (await server.post('/api/tag-groups', { family: 'identity', name: '家庭', is_exclusive: true })).id
    await server.post('/api/tag-groups', { family: 'identity', name: '会员等级', is_exclusive: true })
    const tag = async (family, name, color, group_id) => (await server.post('/api/tags', { family, name, color, ...(group_id && { group_id }) })).id
    const tags = [
        await tag('intent', '看重品质', '#d9a441', group),
        await tag('identity', '二孩家庭', '#5b7fd1', home),
        await tag('spending', '高客单', '#1b8a72'),
    ]
    await tag('intent', '等活动价', '#c7683f', group)
    await tag('identity', '新手妈妈', '#8a63b8', home)
    await tag('activity', '常看直播', '#3c8dad')
    for (const [at, id] of ids.slice(0, 9).entries()) await server.post(`/api/customers/${id}/tags`, { tag_id: tags[at % 3], is_on: true })
    const [id] = ids
    for (const tag_id of tags.slice(1)) await server.post(`/api/customers/${id}/tags`, { tag_id, is_on: true })
    await server.post('/api/attributes', { name: '肤质', title: '肤质', kind: 'choice', choices: ['干性', '油性', '敏感'] })
    await server.post('/api/attributes', { name: '月预算', title: '月预算', kind: 'money' })
    await server.post('/api/attributes', { name: '感兴趣', title: '感兴趣', kind: 'choices', choices: ['辅食', '洗护', '童装'] })
    await server.post(`/api/customers/${id}/edit`, { birth_date: '1992-05-18', attributes: { 肤质: '敏感', 月预算: 80_000, 感兴趣: ['洗护', '童装'] } })
    const birth = new Date(Date.now() - 400 * DAY_MS).toISOString().slice(0, 10)
    await server.post(`/api/customers/${id}/children`, { birth_date: birth, name: '小米' })
    await server.post(`/api/customers/${id}/owner`, { staff_id: guide, reason: '首次分配' })
    await server.post(`/api/customers/${id}/relations`, { staff_id: guide, source: 'scan', remark: '小米妈妈' })
    await server.post(`/api/customers/${id}/notes`, { text: '喜欢下午联系；孩子对牛奶蛋白过敏，推荐辅食前先确认。' })
    return id
}

export async function guideBase(server) {
    const team = await organisation(server)
    const ids = await customersAndOrders(server, await channels(server))
    const id = await profile(server, ids, team)
    const twinId = (await server.post('/api/customers', { name: '欧阳青禾', phone: '10086120011', region: '上海' })).id
    await server.post('/api/customers', { name: '欧阳青禾', phone: '10037120011', region: '上海' })
    await server.post('/api/login', { login: 'ana', password: 'correct horse 7' }) // a second sign-in to list
    return { id, twinId, ids }
}
