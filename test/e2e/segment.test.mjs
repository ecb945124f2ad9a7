/* 人群: the list and the builder, as an operator uses them; what is counted is what the server says of the same question. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bundle } from './bundle.mjs'
import { assertAccessible, assertFits, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'
import { seed } from './seed.mjs'

const NARROW = { width: 390, height: 844 }
let server, base
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    base = await seed(server)
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const paid = (within) => ({ kind: ['order_paid'], ...(within && { within: { last: { days: within } } }) })
const countOf = async (who) => (await server.post('/api/audience/count', { query: { version: 1, ask: 'segment', who } })).member_count
const shows = (page, count) => page.locator('[data-test=count]', { hasText: new RegExp(`^${count}$`) }).and(page.locator('.figure:not(.is-stale) [data-test=count]')).waitFor()
const button = (scope, name) => scope.getByRole('button', { name })
async function add(page, search, scope = page) {
    await button(scope, '添加条件').last().click()
    await page.getByPlaceholder('找条件').fill(search)
    await page.keyboard.press('Enter')
    await page.locator('.el-overlay').waitFor({ state: 'hidden' })
}
/* What the page would send. */
async function queryOf(page) {
    await page.getByRole('radio', { name: '高级' }).check({ force: true })
    const query = JSON.parse(await page.getByLabel('人群的 JSON').inputValue())
    await page.getByRole('radio', { name: '搭条件' }).check({ force: true })
    return query
}

test('from a ready one to a live segment, in the list, archived and back', async () => {
    const count = await countOf({ all: [{ did: paid() }, { not: { did: paid(30) } }] })
    await withPage(server, {}, async (page) => {
        await page.goto(server.url + '/')
        await page.getByRole('link', { name: '人群', exact: true }).click()
        await page.getByText('还没有人群').waitFor()
        assert.equal(await page.locator('.templates a').count(), 8)
        await assertAccessible(page, 'the empty list')
        await page.getByRole('link', { name: '30 天未复购的老客' }).click()
        await shows(page, count)
        await page.getByText('也就是： 有过 支付订单，且 最近 30 天内 没有 支付订单').waitFor()
        assert.equal(await page.locator('aside li a').count(), count)
        await button(page, '新建人群').click()
        await page.waitForURL(/\/segments\/\d+$/)
        await page.getByRole('link', { name: '人群', exact: true }).first().click()
        const row = page.getByRole('listitem').filter({ hasText: '30 天未复购的老客' })
        await row.locator('.num strong', { hasText: String(count) }).waitFor()
        await assertAccessible(page, 'the list')
        await button(row, '归档').click()
        const undo = page.locator('.el-message').getByRole('button', { name: '撤销' })
        await undo.hover() // so it stays
        await page.getByText('没有符合的人群').or(page.getByText('还没有人群')).waitFor()
        await undo.click()
        await row.waitFor()
        await button(row, '复制').click()
        await page.waitForURL(/\/segments\/new/)
        assert.equal(await page.getByLabel('名称').inputValue(), '30 天未复购的老客 副本')
        await shows(page, count)
    })
})

test('built by clicking: the count is the one of that question, and every step is taken back', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new`)
        await page.getByText('还没有条件，现在是全部客户').waitFor()
        await shows(page, 60)
        await add(page, '做过：支付订单')
        await shows(page, await countOf({ did: paid(30) }))
        await page.getByLabel('看什么').selectOption({ label: '次数' })
        await page.getByLabel('事件 时间', { exact: true }).selectOption({ label: '任何时候' })
        const twice = { did: paid(), at_least: 2 }
        await shows(page, await countOf(twice))
        await page.getByLabel('事件 ＋ 筛选').selectOption({ label: '金额' })
        await page.getByLabel('金额 值').fill('487.5')
        assert.deepEqual((await queryOf(page)).who, { all: [{ did: { ...paid(), where: [{ property: 'amount', at_least: 48_750 }] }, at_least: 2 }] })
        await page.getByLabel('金额 值').fill('1000')
        await shows(page, 0)
        await button(page, '去掉筛选：金额').click()
        await shows(page, await countOf(twice))

        await add(page, '地区')
        await page.getByText('还没填完', { exact: true }).waitFor()
        assert.ok(await button(page, '新建人群').isDisabled())
        await button(page, /^地区：/).click()
        await page.getByLabel('上海', { exact: true }).check() // people have it, so it is suggested
        await page.getByLabel('填写后按回车').fill('北京、上海')
        await page.keyboard.press('Enter')
        await page.getByLabel('北京', { exact: true }).uncheck()
        await page.keyboard.press('Escape')
        const both = { all: [twice, { attribute: 'region', is: ['上海'] }] }
        await shows(page, await countOf(both))
        await button(page, /^反过来（非）：地区/).click()
        const turned = { all: [twice, { not: both.all[1] }] }
        await shows(page, await countOf(turned))
        assert.deepEqual((await queryOf(page)).who, turned)
        await page.getByLabel('怎样组合').selectOption({ label: '以下任一（或）' })
        await shows(page, await countOf({ any: turned.all }))

        await button(page, /^删除：地区/).click()
        await shows(page, await countOf(twice))
        await page.getByRole('status').getByRole('button', { name: '撤销' }).click()
        await shows(page, await countOf({ any: turned.all }))
        await page.keyboard.press('Control+z')
        await shows(page, await countOf(turned))
        await page.keyboard.press('Control+y')
        await shows(page, await countOf({ any: turned.all }))
        await assertAccessible(page, 'the builder')
    })
})

test('an inviter is looked for by name or phone, and called by name', async () => {
    const brought = { attribute: 'inviter', is: [base.ids.get(1)] }
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new`)
        await add(page, '邀请人')
        await button(page, /^邀请人：/).click()
        const search = page.getByRole('dialog', { name: '邀请人' }).getByRole('textbox')
        await search.fill('没有这个人')
        await page.getByText('没有找到').waitFor()
        const broken = (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":"busy","message":""}}' })
        await page.route('**/api/customers?search=*', broken)
        await search.fill('13900000001')
        const failed = page.getByRole('dialog', { name: '邀请人' }).getByRole('alert')
        await failed.waitFor()
        assert.equal(await page.getByText('没有找到').count(), 0)
        await page.unroute('**/api/customers?search=*', broken)
        await failed.getByRole('button', { name: '重试' }).click()
        await page.getByLabel(/^客户01/).check()
        await search.fill('客户02')
        await page.getByLabel(/^客户02/).waitFor()
        assert.ok(await page.getByLabel('客户01', { exact: true }).isChecked()) // what was chosen stays in sight
        await page.keyboard.press('Escape')
        await shows(page, await countOf(brought))
        assert.equal(await countOf(brought), 1)
        await page.getByText('也就是： 邀请人 是 客户01').waitFor()
        const { who } = await queryOf(page)
        assert.deepEqual(who, { all: [brought] })
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify(who))}`)
        await button(page, '邀请人：客户01').waitFor() // read again by its id
        await assertAccessible(page, 'an inviter')
        const reads = []
        page.on('request', (request) => void (/\/api\/customers\//.test(request.url()) && reads.push(request.url())))
        const three = { attribute: 'inviter', is: [base.ids.get(2), '5', base.ids.get(3)] }
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify({ all: [brought, three] }))}`)
        await button(page, '邀请人：客户02、无权查看、客户03').waitFor()
        await button(page, '邀请人：客户01').waitFor()
        assert.equal(reads.length, 1) // all at once
    })
})

test('several numbers, sums and days are typed one after the other, pasted, and taken away', async () => {
    const paste = (page, label, text) =>
        page.getByLabel(label, { exact: true }).evaluate((input, copied) => {
            const clipboardData = new DataTransfer()
            clipboardData.setData('text', copied)
            input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
        }, text)
    await withPage(server, {}, async (page) => {
        const [count, sum, day] = [{ attribute: 'order_count', is: [1] }, { did: paid(), measure: 'sum', of: 'amount', is: [48_750] }, { attribute: 'first_order_day', is_not: ['2026-01-31'] }]
        const counts = (is) => ({ ...count, is })
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify({ any: [count, sum, day] }))}`)
        await shows(page, await countOf({ any: [count, sum, day] }))
        await page.getByLabel('订单数 值', { exact: true }).focus()
        await page.keyboard.press('Enter') // another one, chosen so that typing replaces it
        await page.keyboard.type('3')
        await paste(page, '订单数 值 2', '2，3 5\n7')
        assert.deepEqual((await queryOf(page)).who.any[0], counts([1, 2, 3, 5, 7]))
        await button(page, '去掉 5').click()
        await page.keyboard.press('Control+z')
        await button(page, '去掉 7').click()
        await page.getByLabel('订单数 值 4').fill('')
        await page.getByLabel('订单数 值 4').press('Backspace')
        await button(page, '合计 值 再加一个').click()
        await page.keyboard.type('975')
        await button(page, '首单日 值 再加一个').click()
        const made = { any: [counts([1, 2, 3]), { ...sum, is: [48_750, 97_500] }, { ...day, is_not: ['2026-01-31', '2026-02-01'] }] }
        assert.deepEqual((await queryOf(page)).who, made)
        await shows(page, await countOf(made))
        await assertAccessible(page, 'several values')
    })
})

test('by the keyboard alone: conditions are moved into groups and out of them, and the focus goes along', async () => {
    const who = { all: [{ attribute: 'region', is: ['上海'] }, { any: [{ did: { kind: 'order_paid' } }, { did: { kind: 'friend_added' } }] }] }
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify(who))}`)
        await shows(page, await countOf(who))
        const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'))
        await button(page, '下移：地区 是 上海').focus()
        await page.keyboard.press('Enter')
        assert.match(await focused(), /^下移：地区/)
        const inside = { all: [{ any: [who.all[0], ...who.all[1].any] }] }
        await shows(page, await countOf(inside))
        assert.deepEqual((await queryOf(page)).who, inside)
        await button(page, '上移：地区 是 上海').focus()
        await page.keyboard.press('Enter')
        await button(page, '放进一组：地区 是 上海').focus()
        await page.keyboard.press('Enter')
        assert.deepEqual((await queryOf(page)).who, { all: [{ any: [who.all[0]] }, who.all[1]] })
        const group = page.getByRole('region', { name: '以下任一（或）' }).first()
        await button(group, /^拆开这一组/).focus()
        await page.keyboard.press('Enter')
        await button(page, '添加条件').last().focus()
        await page.keyboard.press('Enter')
        await page.locator('.search:focus').waitFor()
        await page.keyboard.type('有某个标签')
        await page.keyboard.press('Enter')
        await page.locator('.el-overlay').waitFor({ state: 'hidden' })
        await button(page, /^标签：/).focus()
        await page.keyboard.press('Enter')
        await page.keyboard.type('高意向')
        await page.keyboard.press('ArrowDown')
        await page.keyboard.press('Space')
        await page.keyboard.press('Escape')
        const tags = (await server.call('GET', '/api/tags')).items
        assert.deepEqual((await queryOf(page)).who, { all: [...who.all, { tag: [tags.find(({ name }) => name === '高意向').id] }] })
        await shows(page, 0)
    })
})

test('what the builder does not know stays, and what is refused is told where it stands', async () => {
    const odd = { did: { kind: 'order_paid', often: true } }
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify({ all: [{ attribute: 'order_count', at_least: 1 }, odd] }))}`)
        await page.getByText('这里没有填完整。').waitFor()
        assert.equal(await page.locator('.leaf.faulty').count(), 1)
        await page.locator('.leaf.faulty textarea').waitFor()
        await page.getByLabel('订单数 值').fill('2')
        assert.deepEqual((await queryOf(page)).who, { all: [{ attribute: 'order_count', at_least: 2 }, odd] })
        await page.getByRole('radio', { name: '高级' }).check({ force: true })
        await button(page, /^第 \d+ 行$/).click()
        assert.equal(await page.evaluate(() => window.getSelection().toString()), 'true')
        await page.getByLabel('人群的 JSON').fill('{"version": 1, "ask": "segment", "who": {"all": [{"attribute": "order_count", "at_least": 3}, ')
        await page.getByText('不是正确的 JSON。').waitFor()
        await page.getByLabel('人群的 JSON').fill('{"version": 1, "ask": "segment", "zone": "Europe/Berlin", "who": {"attribute": "order_count", "at_least": 3}}')
        await shows(page, await countOf({ attribute: 'order_count', at_least: 3 }))
        await page.getByRole('radio', { name: '搭条件' }).check({ force: true })
        await page.getByLabel('订单数 值').fill('2')
        assert.deepEqual(await queryOf(page), { version: 1, ask: 'segment', zone: 'Europe/Berlin', who: { all: [{ attribute: 'order_count', at_least: 2 }] } })

        await server.post('/api/segments', { name: '有单', definition: { version: 1, ask: 'segment', who: { did: paid() } } })
        await page.getByLabel('名称').fill('有单')
        await button(page, '新建人群').click()
        await page.getByText('已有同名的人群').waitFor()
    })
})

test('why somebody is meant: each condition has a tick or a cross', async () => {
    const who = { all: [{ did: paid(), at_least: 3 }, { attribute: 'region', is: ['浙江 杭州'] }] }
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify(who))}`)
        await shows(page, await countOf(who))
        await page.getByLabel('查客户').fill('客户01')
        await button(page.locator('.found'), '客户01').click()
        await page.getByText('不在里面').waitFor()
        const [bought, lives] = [page.locator('.leaf').nth(0), page.locator('.leaf').nth(1)]
        await bought.locator('.mark.yes').waitFor()
        await bought.getByText('实际是 3').waitFor()
        await lives.locator('.mark.no').waitFor()
        await button(page, /^删除：地区/).click()
        await page.getByText('在里面', { exact: true }).waitFor()
    })
})

test('an edit keeps who changed it last from being overwritten, and leaving asks first', async () => {
    const definition = { version: 1, ask: 'segment', who: { all: [{ did: paid(), at_least: 2 }] } }
    const { id } = await server.post('/api/segments', { name: '常客', definition })
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/${id}/edit`)
        await page.getByLabel('次数 值').fill('3')
        await shows(page, await countOf({ did: paid(), at_least: 3 }))
        await page.getByRole('link', { name: '客户', exact: true }).click()
        await page.getByText('这里的改动还没有保存').waitFor()
        await button(page.locator('.el-message-box'), /取消|Cancel/).click()
        await button(page, '保存').click()
        await page.waitForURL(/\/segments\/\d+$/)
        assert.deepEqual((await server.call('GET', `/api/segments/${id}`)).one.definition.who, { all: [{ did: paid(), at_least: 3 }] })
    })
})

test('all that is offered is taken by the server, and shown', async () => {
    const { picks, templates, openOf } = await bundle("export * as picks from '@/pages/segment/model/picks'\nexport * as templates from '@/pages/segment/model/templates'\nexport { openOf } from '@/pages/segment/model/wire'")
    const catalog = await server.post('/api/segments', { name: '一个', definition: { version: 1, ask: 'segment', who: { did: paid() } } }).then(() => server.call('GET', '/api/audience/catalog'))
    const segments = (await server.call('GET', '/api/segments')).items
    const tag = (await server.call('GET', '/api/tags')).items[0].id
    const { id: list } = await server.post(`/api/segments/${segments[0].id}/snapshot`, { segment_id: segments[0].id, name: '名单' })
    const ids = { inviter: base.ids.get(1), channel: base.ad }
    const filled = (one) => {
        const next = structuredClone(one)
        if (next.tag) next.tag = [tag]
        if (next.segment) next.segment = [segments[0].id]
        if (next.list) next.list = [list]
        if (next.bucket) next.bucket.salt = 'x'
        if (next.attribute && next.is?.length === 0) next.is = [ids[next.attribute] ?? '1']
        return next
    }
    const types = new Map(catalog.attributes.map(({ name, type }) => [name, type]))
    const items = (all) => all.map(({ name }) => ({ value: name, label: name }))
    const all = picks.picksOf(items(catalog.attributes), items(catalog.kinds), (name) => types.get(name), (name) => name.startsWith('is_'))
    const made = [...all.map((one) => filled(one.make())), ...templates.TEMPLATES.map(({ who }) => ({ all: who.all.map(filled) }))]
    for (const who of made) {
        assert.deepEqual(openOf(who), [], JSON.stringify(who))
        assert.ok((await countOf(who)) >= 0)
    }
    const shown = { any: all.filter(({ key }) => key !== 'kind').map((one) => filled(one.make())) }
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/segments/new?who=${encodeURIComponent(JSON.stringify(shown))}`)
        await shows(page, await countOf(shown))
        assert.equal(await page.locator('.leaf').count(), shown.any.length)
        assert.equal(await page.locator('.leaf textarea').count(), 0)
        assert.deepEqual((await queryOf(page)).who, shown)
        await assertAccessible(page, 'every form')
    })
})

test('on a phone it fits, and is worked alike', async () => {
    await withPage(server, { size: NARROW }, async (page) => {
        await page.goto(`${server.url}/segments`)
        await page.getByText('常客').waitFor()
        await assertFits(page, 'the list')
        await page.getByRole('button', { name: '新建人群' }).click()
        await add(page, '来源渠道')
        await button(page, /^来源渠道：/).click()
        await page.getByLabel('广告投放', { exact: true }).check()
        await assertFits(page, 'the open choice')
        await button(page, '完成').click()
        await shows(page, await countOf({ attribute: 'channel', is: [base.ad, base.moments] })) // a branch is ticked with what is below
        await button(page, '添加一组').click()
        await add(page, '先做 A', page.getByRole('region', { name: '以下任一（或）' }))
        await assertFits(page, 'the builder')
        await assertAccessible(page, 'the builder on a phone')
    })
})
