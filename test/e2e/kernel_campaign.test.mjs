/* A campaign as people work with it: made, checked, funded, published, claimed from, changed in favour, ended; a reward on
 * hold decided about. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'

const DESK = { width: 1280, height: 800 }
const POCKET = { width: 390, height: 844 }
let server, path
const people = {}
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    for (const [name, phone] of [['王小明', '13900000001'], ['被拉黑的人', '13900000002']])
        people[name] = (await server.post('/api/customers', { name, phone })).id
    await server.post(`/api/customers/${people['被拉黑的人']}/block`, { is_blocked: true, reason: '恶意退货' })
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
async function say(page, name, reason) {
    const dialog = page.getByRole('dialog', { name })
    if (reason) await dialog.getByLabel('原因').fill(reason)
    await button(dialog, name).click()
    await dialog.waitFor({ state: 'hidden' })
}

test('from nothing to a campaign that runs', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(server.url)
        await page.getByRole('link', { name: '运营' }).click()
        await page.getByText('还没有活动').waitFor()
        await assertAccessible(page, 'campaigns, empty')
        await button(page, '新建活动').click()
        const dialog = page.getByRole('dialog', { name: '新建活动' })
        await dialog.getByLabel('名称').fill('春日领取')
        await dialog.getByLabel('总份数').fill('100')
        await dialog.getByLabel('每人每日上限').fill('1')
        await dialog.getByLabel('每份积分').fill('20')
        await assertAccessible(page, 'a new campaign')
        await shot(page, 'campaign-new')
        await button(dialog, '保存').click()
        await page.waitForURL(/campaigns\/\d+/)
        path = new URL(page.url()).pathname
        await page.getByText(/项未通过，不能发布/).waitFor()

        await button(page, '提交检查').click()
        await say(page, '提交检查')
        await button(page, '发布').click()
        const refused = page.getByRole('dialog', { name: '发布' })
        await button(refused, '发布').click()
        await refused.getByText('发布前检查没有通过').waitFor()
        await button(refused, '取消').click()
        await refused.waitFor({ state: 'hidden' })

        await button(page, '追加预算').click()
        const fund = page.getByRole('dialog', { name: '追加预算' })
        await fund.getByLabel('数量').fill('5000')
        await fund.getByLabel('原因').fill('春季预算')
        await button(fund, '保存').click()
        await page.getByRole('link', { name: '5,000 积分' }).waitFor()
        await shot(page, 'campaign-preflight')
        for (const each of await page.getByRole('button', { name: /^放行这一项/ }).all()) {
            await each.click()
            await say(page, '放行这一项', '本次活动不涉及')
        }
        await page.getByText('全部通过').waitFor()
        await button(page, '发布').click()
        await say(page, '发布')
        await page.getByRole('heading', { name: /进行中/ }).waitFor()
    })
})

test('pieces are claimed; one is held back and let go', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(server.url + path)
        for (const [name, told] of [['王小明', '已领取 20 积分'], ['被拉黑的人', '需要人工放行']]) {
            await button(page, '代客领取').click()
            const dialog = page.getByRole('dialog', { name: '代客领取' })
            await dialog.getByLabel('查客户').fill(name)
            await dialog.getByRole('button', { name }).click()
            await button(dialog, '代客领取').click()
            await page.getByText(told).first().waitFor()
            await dialog.waitFor({ state: 'hidden' })
        }
        await page.goto(`${server.url}/operations/campaigns`)
        await page.getByText('1 份待放行').waitFor()
        await page.getByRole('radio', { name: '待放行的奖励' }).check({ force: true })
        await page.getByText('客户在黑名单中').waitFor()
        await assertAccessible(page, 'rewards on hold')
        await shot(page, 'campaign-held')
        await button(page, '发放').click()
        await say(page, '发放', '已电话核实')
        await page.getByText('没有待放行的奖励').waitFor()
        await page.goto(`${server.url}/customers/${people['王小明']}`)
        await page.getByRole('link', { name: '20 积分' }).click()
        await page.getByRole('link', { name: '春日领取' }).first().waitFor()
    })
})

test('once it runs it changes only in favour; two versions stand side by side', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(server.url + path)
        await button(page, '修改').click()
        const dialog = page.getByRole('dialog', { name: '修改' })
        await dialog.getByLabel('每份积分').fill('10')
        await dialog.getByLabel('修改原因').fill('省一点')
        await button(dialog, '保存').click()
        await dialog.getByText('对已参与者不利').waitFor()
        await dialog.getByLabel('每份积分').fill('25')
        await dialog.getByLabel('修改原因').fill('更大方')
        await button(dialog, '保存').click()
        await dialog.waitFor({ state: 'hidden' })
        const row = page.getByRole('row', { name: /每份积分/ })
        await row.waitFor()
        assert.deepEqual(await row.getByRole('cell').allInnerTexts(), ['20', '25'])
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
            for (const [name, at, sign] of [
                ['campaigns', '/operations/campaigns', 'li .title'],
                ['campaign', path, 'table'],
            ]) {
                await page.goto(server.url + at)
                await page.locator(sign).first().waitFor()
                await page.locator('.bone').first().waitFor({ state: 'hidden' })
                await assertFits(page, at)
                await assertAccessible(page, `${at} (${look.name})`)
                await shot(page, `${name}-${look.name}`)
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|(campaign|ledger)\.[a-z]+/i)
            }
        })
    })
}

test('it is paused, and ended for good', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(server.url + path)
        await button(page, '暂停').click()
        await say(page, '暂停', '页面调整')
        await button(page, '继续').click()
        await say(page, '继续')
        await button(page, '结束').click()
        await say(page, '结束', '发完了')
        await page.getByRole('heading', { name: /已结束|结算中|已结算/ }).waitFor()
        await page.getByText('林安：发完了').waitFor()
    })
})
