/* A saved segment as operators read it: what it means, how its size went, who is in it and why, its versions, archive and restore. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, Server, withPage } from './harness.mjs'
import { until } from '../api/papilio.mjs'
import { seed } from './seed.mjs'

const PHONE = { width: 390, height: 844 }
const PAID = 'order_paid'
const query = (who) => ({ version: 1, ask: 'segment', who })
const REPEAT = query({ did: { kind: PAID }, at_least: 2 })
const LOYAL = query({ all: [{ did: { kind: PAID }, at_least: 3 }, { not: { did: { kind: PAID, within: { last: { days: 1 } } } } }] })
let server, base, repeat, tag
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    base = await seed(server)
    tag = (await server.post('/api/tags', { family: 'activity', name: '回头客', color: '#2b5bc4' })).id
    repeat = (await server.post('/api/segments', { name: '复购客', about: '下过两单以上', definition: REPEAT, tag_id: tag })).id
    await filled(repeat, 12)
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

async function filled(id, count) {
    let one
    await until(async () => {
        ;({ one } = await server.call('GET', `/api/segments/${id}`))
        return one.state === 'live' && one.member_count === count
    }, () => `${one.state} with ${one.member_count}`)
}
const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
const open = (page, id, more = '') => page.goto(`${server.url}/segments/${id}${more}`)

test('what it is, how many, and why somebody is in it', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, repeat, '?part=explain')
        await page.getByRole('heading', { name: '复购客', level: 1 }).waitFor()
        await page.locator('.halves .leaf').getByText(/支付订单.*2/).waitFor()
        assert.equal(await page.locator('.now strong').textContent(), '12')
        await page.getByText('回头客').waitFor()
        await page.getByRole('img', { name: /人数曲线，现在 12 人/ }).waitFor()
        await page.locator('.finder input').fill('客户03')
        await page.getByRole('button', { name: /客户03/ }).click()
        await page.getByText('在这个人群里', { exact: true }).waitFor()
        await page.getByText('实际 3').waitFor()
        await page.getByText('查看事件').click()
        await page.locator('.tree time').nth(2).waitFor()
        assert.equal(await page.locator('.tree time').count(), 3)
        await assertAccessible(page, 'a segment explained')
        await shot(page, 'segment-explain')
        await page.locator('.finder input').fill('客户20')
        await page.getByRole('button', { name: /客户20/ }).click()
        await page.getByText('不在这个人群里', { exact: true }).waitFor()
        await page.getByText('实际 1').waitFor()
    })
})

test('its members are listed, and worked on together', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, repeat)
        await page.getByText('已显示 12 / 12').waitFor()
        assert.equal(await page.locator('tbody tr .who').count(), 12)
        await shot(page, 'segment-members')
        await button(page, '对全部成员操作').click()
        await page.getByText('已选 12 位').waitFor()
        await button(page.getByRole('region', { name: '批量操作' }), '导出').click()
        const dialog = page.getByRole('dialog', { name: '导出' })
        await dialog.getByText('符合当前条件的全部 12 位客户').waitFor()
        await button(dialog, '对 12 位执行').click()
        await page.getByText('共 12 行').waitFor()
        await page.getByRole('link', { name: '在客户列表里打开' }).click()
        await page.getByText('12 人').waitFor()
        await page.locator('.chip').getByText('复购客').waitFor()
    })
})

test('beside two others, each part opens its customers', async () => {
    const loyal = (await server.post('/api/segments', { name: '忠诚客', definition: LOYAL })).id
    const store = (await server.post('/api/segments', { name: '门店客', definition: query({ attribute: 'channel', is: [base.store] }) })).id
    await filled(loyal, 5)
    await filled(store, 20)
    await withPage(server, {}, async (page) => {
        await open(page, repeat, '?part=overlap')
        await page.getByText('看两个或三个人群有多少人重合').waitFor()
        await page.getByLabel('对比的人群 1').selectOption({ label: '忠诚客' })
        await page.getByRole('row', { name: /^都在：复购客 \+ 忠诚客/ }).getByText('5', { exact: true }).waitFor()
        await shot(page, 'segment-overlap-two')
        await page.getByLabel('对比的人群 2').selectOption({ label: '门店客' })
        const links = page.locator('svg[role=group] a')
        await page.getByRole('row', { name: /^都在：复购客 \+ 忠诚客 \+ 门店客/ }).waitFor()
        const { counts } = await server.post('/api/audience/overlap', { queries: [repeat, loyal, store].map((id) => query({ segment: [id] })) })
        const wanted = counts.filter(({ member_count }) => member_count).map(({ member_count }) => member_count)
        assert.equal(wanted.reduce((sum, count) => sum + count, 0), 28) // 12 + 20 - the 4 who are both
        const found = await links.evaluateAll((all) => all.map((link) => ({ href: link.getAttribute('href'), count: Number(link.textContent) })))
        assert.deepEqual(found.map(({ count }) => count).sort(), wanted.sort())
        await assertAccessible(page, 'overlap')
        await shot(page, 'segment-overlap')
        for (const { href, count } of found) {
            await page.goto(server.url + href)
            await page.getByText(`${count} 人`, { exact: false }).first().waitFor()
            assert.match(await page.locator('p[aria-live=polite]').first().textContent(), new RegExp(`(^|\\D)${count} 人`))
        }
    })
})

test('any condition opens its customers, is taken off, and becomes a segment', async () => {
    const who = JSON.stringify({ all: [{ did: { kind: PAID } }, { not: { segment: [repeat] } }] })
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers?who=${encodeURIComponent(who)}`)
        await page.getByText('18 人').waitFor()
        await page.getByText('按条件筛选').waitFor()
        assert.match(await page.getByRole('link', { name: '存为人群' }).getAttribute('href'), /^\/segments\/new\?who=/)
        await assertAccessible(page, 'customers by a condition')
        await assertFits(page, 'customers by a condition')
        await shot(page, 'customers-who')
        await page.getByRole('button', { name: /^去掉条件：按条件筛选/ }).click()
        await page.getByText('60 人').waitFor()
    })
})

test('a customer shows the segments and what was looked at', async () => {
    const look = (n) => ({ message_id: `look-${n}`, kind: 'product_viewed', customer: { kind: 'phone', value: '13900000003' }, properties: { product_code: n < 3 ? 'SKU-2' : 'SKU-1' } })
    await server.post('/api/v1/events', { events: [1, 2, 3].map(look) })
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers/${base.ids.get(3)}`)
        await page.getByRole('link', { name: '复购客', exact: true }).waitFor()
        await page.getByText('看得最多的商品').waitFor()
        await page.getByText('复购客 · 原因: 按历史计算').waitFor()
        assert.deepEqual(await page.locator('.group .name').allTextContents(), ['帆布包', '亚麻衬衫'])
        await assertAccessible(page, 'a customer with segments')
        await shot(page, 'customer-segments')
        await page.getByRole('link', { name: '复购客 为什么' }).click()
        await page.getByText('实际 3').waitFor()
    })
})

test('tags: which have a rule, how thick they lie', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/tags`)
        await page.getByRole('link', { name: '规则：复购客' }).waitFor()
        assert.equal(await page.getByRole('link', { name: /^设为自动/ }).count(), 2)
        const row = page.getByRole('row', { name: /^活跃/ })
        await row.getByText('0.20').waitFor() // 12 of 60
        await row.getByText('1 个 12').waitFor()
        await page.getByLabel('渠道', { exact: true }).selectOption({ label: '线下门店' })
        await page.getByText('共 20 位客户').waitFor()
        await assertAccessible(page, 'tags')
        await assertFits(page, 'tags')
        await shot(page, 'tags')
    })
})

test('another definition is a version, and the first one comes back', async () => {
    await server.post(`/api/segments/${repeat}/edit`, { name: '复购客', about: '下过两单以上', definition: LOYAL, tag_id: tag, version_number: 1 })
    await filled(repeat, 5)
    await withPage(server, {}, async (page) => {
        await open(page, repeat, '?part=versions')
        await page.getByText('第 2 版').waitFor()
        assert.equal(await page.locator('.difference .added').count(), 2)
        assert.equal(await page.locator('.difference .taken').count(), 1)
        await shot(page, 'segment-versions')
        await page.getByRole('button', { name: '恢复这一版 1' }).click()
        await page.getByText('已恢复第 1 版的条件').waitFor()
        await button(page, '撤销').hover() // so it stays
        await page.getByText('第 3 版').waitFor()
        await filled(repeat, 12)
        await button(page, '撤销').click()
        await page.getByText('第 4 版').waitFor()
        await filled(repeat, 5)
        await page.getByRole('button', { name: '恢复这一版 1' }).click()
        await page.getByText('第 5 版').waitFor()
        await filled(repeat, 12)
        await page.locator('.now strong').getByText('12').waitFor()
    })
})

test('kept as a static list; archived and back', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, repeat)
        await button(page, '存为静态名单').click()
        const dialog = page.getByRole('dialog', { name: '存为静态名单' })
        await dialog.getByLabel('名称').fill('复购客名单')
        await button(dialog, '开始').click()
        await page.getByRole('heading', { name: '复购客名单', level: 1 }).waitFor()
        await page.locator('.now strong').getByText('12').waitFor()
        await page.getByRole('link', { name: '来自这个人群' }).click()
        await page.getByRole('heading', { name: '复购客', level: 1 }).waitFor()
        await button(page, '归档').click()
        await page.getByText('已归档', { exact: true }).waitFor()
        await button(page, '撤销').click()
        await button(page, '归档').waitFor()
        await filled(repeat, 12)
    })
})

for (const look of [
    { name: 'zh-desk', locale: 'zh', theme: 'light', size: DESKTOP },
    { name: 'en-phone', locale: 'en', theme: 'dark', size: PHONE },
]) {
    test(`the page fits and is accessible: ${look.name}`, async () => {
        const other = (await server.call('GET', '/api/segments')).items.find(({ name }) => name === '忠诚客').id
        await withPage(server, look, async (page) => {
            for (const part of ['members', 'explain', 'overlap', 'versions']) {
                await open(page, repeat, `?part=${part}&customer=${base.ids.get(1)}&with=${other}`)
                await page.getByRole('heading', { name: '复购客', level: 1 }).waitFor()
                await page.locator('.curve').waitFor()
                await page.locator({ members: 'th.who', explain: '.verdict', overlap: 'svg[role=group]', versions: '.versions' }[part]).first().waitFor()
                await assertAccessible(page, `segment ${part}`)
                await assertFits(page, `segment ${part}`)
                await shot(page, `segment-${part}-${look.name}`)
            }
        })
    })
}
