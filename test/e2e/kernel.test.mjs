/* What the brand runs on, as people look at it: the ledger from the menu down to a single transfer. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'
import { ledgerFill, sql } from './kernel_base.mjs'

const DESK = { width: 1280, height: 800 }
const POCKET = { width: 390, height: 844 }
let server, customerId, left
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    customerId = (await server.post('/api/customers', { name: '王小明', phone: '13900000001', region: '上海' })).id
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const points = (count) => `${new Intl.NumberFormat('zh-CN').format(count)} 积分`

test('an empty ledger says what will fill it', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(server.url)
        await page.getByRole('link', { name: '运营' }).click()
        await page.getByRole('link', { name: '账本' }).click()
        await page.getByText('还没有账户').waitFor()
        await assertAccessible(page, 'ledger, empty')
        await page.goto(`${server.url}/customers/${customerId}`)
        await page.getByText('还没有积分、成长值或机会').waitFor()
    })
    left = ledgerFill(server, customerId)
})

test('from a customer to the balance, the statement and one transfer', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/ledger`)
        await page.getByRole('link', { name: '已发放 · 积分' }).waitFor()
        await page.getByLabel('查客户').fill('王小明')
        await page.getByRole('button', { name: /王小明/ }).click()
        await page.waitForURL(/owner_id=/)
        await page.getByRole('link', { name: '可用 · 积分' }).click()
        await page.getByText(points(left), { exact: true }).waitFor()
        await page.locator('ol li').nth(29).waitFor()
        assert.equal(await page.locator('ol li').count(), 30)
        await page.getByRole('button', { name: '加载更多' }).click()
        await page.locator('ol li').nth(44).waitFor()
        assert.equal(await page.getByRole('button', { name: '加载更多' }).count(), 0)
        await page.locator('ol li').last().getByText(`余 ${points(121)}`).waitFor()
        await page.locator('ol li').first().getByRole('link', { name: '订单积分' }).click()
        await page.getByText('order_points / 45').waitFor()
        assert.deepEqual(await page.locator('.side strong').allInnerTexts(), ['系统', '王小明'])
        await page.getByRole('link', { name: '王小明' }).click()
        await page.getByRole('heading', { name: '账户余额' }).waitFor()
        await page.getByText(points(left)).waitFor()
    })
})

test('the system: nothing stuck, then something; checks that hold, then one that does not', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/health`)
        await page.getByText('一切正常，没有卡住的事').waitFor()
        await page.getByText('从未').waitFor()
        sql(server, 'UPDATE account SET balance_count = balance_count + 1 WHERE id = 16;')
        await page.reload()
        await page.getByRole('button', { name: '运行检查' }).click()
        await page.getByText(/项没有通过/).waitFor()
        await page.locator('li.bad').filter({ hasText: '账户余额' }).getByRole('link', { name: '16' }).waitFor()
        await assertAccessible(page, 'health, checked')
        await shot(page, 'health-checked')
    })
})

for (const look of [
    { name: 'zh-desk', locale: 'zh', theme: 'light', size: DESK },
    { name: 'en-phone', locale: 'en', theme: 'dark', size: POCKET },
    { name: 'zh-phone', locale: 'zh', theme: 'light', size: POCKET },
    { name: 'en-desk', locale: 'en', theme: 'dark', size: DESK },
]) {
    test(`the pages fit and are accessible: ${look.name}`, async () => {
        await withPage(server, look, async (page) => {
            for (const [name, path, sign] of [
                ['ledger', '/operations/ledger', 'tbody tr'],
                ['ledger-customer', `/operations/ledger?owner_kind=customer&owner_id=${customerId}`, 'tbody tr'],
                ['account', '/operations/ledger/accounts/12', 'ol li'],
                ['transfer', '/operations/ledger/transfers/145', '.side'],
                ['health', '/operations/health', '.figures'],
            ]) {
                await page.goto(server.url + path)
                await page.locator(sign).first().waitFor()
                await assertFits(page, path)
                await assertAccessible(page, `${path} (${look.name})`)
                await shot(page, `${name}-${look.name}`)
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|(ledger|operation|health)\.[a-z]+/i)
            }
        })
    })
}

test('a small amount is taken back at once, a large one by two people', async () => {
    const { id } = await server.post('/api/campaigns', { kind: 'giveaway', title: '春日领取', rules: { stock_count: 10, day_limit_count: 1, points_count: 5 } })
    await server.post(`/api/campaigns/${id}/budget`, { unit: 'points', amount: 30_000, reason: '春季预算' }, { 'Idempotency-Key': 'budget-1' })
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/ledger?owner_kind=campaign`)
        await page.getByRole('link', { name: '预算 · 积分' }).click()
        await page.getByRole('link', { name: '活动预算' }).click()
        for (const [amount, told] of [['50', '已冲正'], ['20000', '待复核']]) {
            await page.getByRole('button', { name: '冲正', exact: true }).click()
            const dialog = page.getByRole('dialog', { name: '冲正' })
            await dialog.getByLabel('冲回数量').fill(amount)
            await dialog.getByLabel('原因').fill('拨多了')
            await assertAccessible(page, `taking back ${amount}`)
            await shot(page, `reverse-${amount}`)
            await dialog.getByRole('button', { name: /^(冲正|提交复核)$/ }).click()
            await page.getByText(told, { exact: true }).waitFor()
            await dialog.waitFor({ state: 'hidden' })
        }
        await page.getByText('你提交的，需要另一位同事决定').waitFor()
    })
    await server.post('/api/staff', { login: 'second', name: '刘芸', role: 'operator', password: 'another horse 9' })
    const second = new Server(server.folder)
    second.url = server.url
    await second.post('/api/login', { login: 'second', password: 'another horse 9' })
    await withPage(second, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/health`)
        await page.getByRole('link', { name: /冲正待复核/ }).click()
        await page.getByRole('button', { name: '同意' }).click()
        const dialog = page.getByRole('dialog', { name: '同意' })
        await dialog.getByLabel('意见').fill('属实')
        await dialog.getByRole('button', { name: '同意' }).click()
        await page.getByText('刘芸：属实').waitFor()
        await shot(page, 'reversals')
        await assertAccessible(page, 'reversals')
        await page.goto(`${server.url}/operations/campaigns/${id}`)
        await page.getByRole('link', { name: points(9_950), exact: true }).waitFor()
    })
})

