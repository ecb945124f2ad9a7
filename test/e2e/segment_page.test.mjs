/* A saved segment as operators read it: what it means, how its size went, who is in it and why, its versions, archive and restore. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, Server, withPage } from './harness.mjs'
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
    for (const until = Date.now() + 20_000; ; ) {
        const { one } = await server.call('GET', `/api/segments/${id}`)
        if (one.state === 'live' && one.member_count === count) return one
        assert.ok(Date.now() < until, `${one.state} with ${one.member_count}`)
        await new Promise((done) => setTimeout(done, 100))
    }
}
const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
const open = (page, id, more = '') => page.goto(`${server.url}/segments/${id}${more}`)

test('what it is, how many, and why somebody is in it', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, repeat, '?part=explain')
        await page.getByRole('heading', { name: '复购客', level: 1 }).waitFor()
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
        await withPage(server, look, async (page) => {
            for (const part of ['explain', 'versions']) {
                await open(page, repeat, `?part=${part}&customer=${base.ids.get(1)}`)
                await page.getByRole('heading', { name: '复购客', level: 1 }).waitFor()
                await page.locator('.curve').waitFor()
                await page.locator(part === 'explain' ? '.verdict' : '.versions').waitFor()
                await assertAccessible(page, `segment ${part}`)
                await assertFits(page, `segment ${part}`)
                await shot(page, `segment-${part}-${look.name}`)
            }
        })
    })
}
