/* Every page in both languages and themes, on a desk and on a phone: fits its window, axe finds no serious fault. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, PHONE, Server, withPage } from './harness.mjs'
import { seed } from './seed.mjs'

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

const views = () => ({
    '/': '.chart svg, table',
    '/customers': 'tbody tr',
    [`/customers/${base.ids.get(1)}`]: '.entry',
    '/channels': 'tbody tr',
    '/layers': '.cells a',
    '/layers/matrix': '.heat',
    '/layers/cohort': '.heat',
    '/layers/figures': 'tbody tr',
    '/layers/customers': 'tbody tr',
    '/imports': '.drop',
    '/operations/ledger': '.empty',
    '/settings': '#setting-sleep_after_days',
    '/settings/privacy': '.empty',
})
const looks = [
    { name: 'zh, light, desk', locale: 'zh', theme: 'light', size: DESKTOP },
    { name: 'en, dark, desk', locale: 'en', theme: 'dark', size: DESKTOP },
    { name: 'zh, dark, phone', locale: 'zh', theme: 'dark', size: PHONE },
    { name: 'en, light, phone', locale: 'en', theme: 'light', size: PHONE },
]
for (const look of looks) {
    test(`every page: ${look.name}`, async () => {
        await withPage(server, look, async (page) => {
            for (const [path, sign] of Object.entries(views())) {
                await page.goto(server.url + path)
                await page.locator(sign).first().waitFor()
                await page.locator('.bone').first().waitFor({ state: 'hidden' })
                await assertFits(page, path)
                await assertAccessible(page, `${path} (${look.name})`)
                assert.equal(await page.getAttribute('html', 'lang'), look.locale === 'zh' ? 'zh-CN' : 'en')
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|[a-z]+\.[a-z]+\.[a-z]+ /, path)
            }
        })
    })
}

test('dialogs and menus too', async () => {
    for (const theme of ['light', 'dark']) {
        await withPage(server, { theme }, async (page) => {
            await page.goto(server.url)
            await page.getByRole('button', { name: '名词定义' }).click()
            await page.getByRole('dialog').waitFor()
            await assertAccessible(page, 'definitions')
            await page.goto(`${server.url}/channels`)
            await page.getByRole('button', { name: /个人菜单/ }).click()
            await assertAccessible(page, 'personal menu')
            await page.keyboard.press('Escape')
            await page.getByRole('button', { name: '添加渠道' }).click()
            await page.getByRole('combobox', { name: '上级渠道' }).click()
            await assertAccessible(page, 'channel dialog')
            await page.goto(`${server.url}/channels`)
            await page.getByRole('button', { name: '花费 朋友圈广告' }).click()
            await page.getByText('首批投放').waitFor()
            await assertAccessible(page, 'costs')
        })
    }
})

test('from 360 px to 4K nothing leaves the window', async () => {
    await withPage(server, {}, async (page) => {
        for (const [path, sign] of Object.entries(views())) {
            await page.goto(server.url + path)
            await page.locator(sign).first().waitFor()
            for (const width of [360, 600, 768, 1024, 1280, 1920, 3840]) {
                await page.setViewportSize({ width, height: 900 })
                await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
                await assertFits(page, `${path} at ${width}`)
            }
        }
    })
})

test('times and money come out in the brand’s zone and currency', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await page.goto(`${server.url}/customers/${base.ids.get(1)}`)
        await page.getByRole('radio', { name: '订单' }).click()
        const order = (await server.call('GET', `/api/customers/${base.ids.get(1)}/orders`)).items[0]
        const parts = { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }
        const shown = new Intl.DateTimeFormat('zh-CN', { ...parts, hourCycle: 'h23' }).format(order.placed_ms)
        await page.getByText(shown).first().waitFor()
        await page.getByText('¥487.50').first().waitFor()
    })
})
