/* 分层: four ways to see the same people, and every cell opens as many customers as it says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { assertAccessible, closeBrowser, openBrowser, PHONE, Server, withPage } from './harness.mjs'
import { COUNT, seed } from './seed.mjs'

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
const totalIs = (page, count) => page.getByText(`${count} 位客户，累计成交`).waitFor()
const at = (page, path) => page.goto(server.url + path)

test('RFM: the rule stands on the page, and each cell opens its customers', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/')
        await page.getByRole('link', { name: '分层' }).click()
        await page.getByText('81 天及以内为高').waitFor()
        await page.getByText('2 单及以上为高').waitFor()
        const cells = await page.locator('.cells a').evaluateAll((all) =>
            all.map((cell) => [cell.querySelector('strong').textContent, Number(cell.querySelector('.count').textContent), cell.getAttribute('href')]),
        )
        assert.equal(cells.length, 8)
        assert.deepEqual(
            cells.filter(([, count]) => count).map(([name, count]) => [name, count]),
            [['重要价值客户', COUNT.repeat], ['一般发展客户', 9], ['一般挽留客户', 9]],
        )
        for (const [name, count, href] of cells) {
            await at(page, href)
            if (!count) {
                await page.getByText('这个范围里没有客户').waitFor()
                continue
            }
            await totalIs(page, count)
            await page.locator('.chip').filter({ hasText: name }).waitFor()
            assert.equal(await page.locator('tbody tr').count(), count)
        }
    })
})

test('as of an earlier day, the layers are those of that day', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/layers')
        await page.getByText('30 位下过单的客户').waitFor()
        const day = new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10)
        await page.getByLabel('截至').fill(day)
        await page.waitForURL(/as_of=/)
        await page.getByText('21 位下过单的客户').waitFor() // twelve of 120 days, nine of 200 days
        const cell = page.locator('.cells a').filter({ hasText: '一般挽留客户' })
        const count = await cell.locator('.count').textContent()
        await cell.click()
        await totalIs(page, count)
        await page.locator('.chip').filter({ hasText: `截至 ${day}` }).waitFor()
    })
})

test('the matrix goes down the channels, and a cell opens by the keyboard', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/layers/matrix')
        const row = (name) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: false }) })
        assert.match(await row('合计').textContent(), /60\s*30\s*9\s*5\s*7\s*9/)
        await page.getByRole('radio', { name: '行内占比' }).check({ force: true })
        await row('合计').getByText('50.0%').waitFor()
        await row('广告投放').getByRole('link', { name: '广告投放' }).click()
        await page.waitForURL(/channel=/)
        await row('朋友圈广告').getByRole('link', { name: '40', exact: true }).waitFor()
        await page.getByRole('radio', { name: '客户数' }).check({ force: true })
        const cell = row('朋友圈广告').locator('.heat').last()
        const count = (await cell.textContent()).trim()
        await cell.focus()
        await page.keyboard.press('Enter')
        await page.waitForURL(/recency=181-365/)
        await totalIs(page, count)
        await page.getByRole('button', { name: '返回' }).click()
        await page.waitForURL(/layers\/matrix/)
        await page.getByLabel('生命阶段').selectOption({ label: '备孕/孕期' })
        await page.getByText('这个范围里没有客户').waitFor()
        await page.getByLabel('生命阶段').selectOption({ label: '未知孩子生日' })
        await row('朋友圈广告').waitFor()
    })
})

test('the matrix: any two as rows and columns, a third within or as a filter', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/layers/matrix?rows=life_stage&columns=state&split=none')
        const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: '未知孩子生日' }) })
        await row.getByRole('link').first().waitFor()
        await page.getByRole('heading', { name: '生命阶段 × 购买状态' }).waitFor()
        assert.equal(await page.locator('thead tr').count(), 1)
        const all = (await row.getByRole('link').first().textContent()).trim()
        await page.getByLabel('最近购买').selectOption({ label: '30 天内' })
        await page.waitForURL(/recency=0-30/)
        await row.getByRole('link', { name: all, exact: true }).first().waitFor({ state: 'detached' })
        const bought = (await row.getByRole('link').first().textContent()).trim()
        await row.locator('.heat').first().click()
        await page.waitForURL(/life_stage_number=-2.*|state=/)
        await page.getByText('30 天内').first().waitFor()
        await page.getByRole('button', { name: '返回' }).click()
        await page.getByLabel('行', { exact: true }).selectOption({ label: '最近购买' })
        await page.waitForURL(/rows=recency/)
        const within = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: '30 天内' }) })
        assert.equal((await within.getByRole('link').first().textContent()).trim(), bought)
        await assertAccessible(page, 'the matrix by last purchase')
    })
})

test('the heat map leaves months uncoloured that are not over, and shows counts or shares', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/layers/cohort')
        await page.locator('.heat').first().waitFor()
        const paints = await page.locator('.heat').evaluateAll((all) => all.map((cell) => [cell.classList.contains('young'), cell.style.background !== '']))
        const monthOf = (ms) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 7) // in Shanghai
        const isRunning = monthOf(Date.now()) === monthOf(Date.now() - 5 * 86_400_000) // of the latest orders
        assert.equal(paints.some(([isYoung]) => isYoung), isRunning)
        assert.ok(paints.every(([isYoung, isPainted]) => isYoung !== isPainted))
        assert.match(await page.locator('.heat').first().textContent(), /%/)
        await page.getByRole('radio', { name: '客户数' }).check({ force: true })
        await page.waitForFunction(() => !/%/.test(document.querySelector('.heat').textContent))
        const cells = await page.locator('.heat').evaluateAll((all) => all.map((cell) => [Number(cell.textContent), cell.getAttribute('href')]))
        const [count, href] = cells.find(([of]) => of > 0)
        await at(page, href)
        await totalIs(page, count)
    })
})

test('customer figures: by time and by layer, with formula and population one click away', async () => {
    await withPage(server, {}, async (page) => {
        await at(page, '/layers/figures')
        await page.locator('.cards strong').nth(4).waitFor()
        assert.equal((await page.locator('.cards strong').nth(1).textContent()).trim(), '¥487.50')
        await page.getByRole('radio', { name: '购买状态' }).check({ force: true })
        await page.waitForURL(/by=state/)
        await page.getByRole('rowheader', { name: '流失' }).waitFor()
        assert.match(await page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: '合计' }) }).textContent(), /12 \/ 30/)
        await page.getByRole('rowheader', { name: '复购' }).getByRole('link').click()
        await totalIs(page, COUNT.repeat)
        await page.getByRole('button', { name: '返回' }).click()
        await page.getByRole('button', { name: '名词定义' }).click()
        const dialog = page.getByRole('dialog', { name: '分层与指标的定义' })
        await dialog.getByText('首单日 ≤ 期末 − w').waitFor()
        await dialog.getByText('不用「被邀请人数 ÷ 全部人数」').waitFor()
        await assertAccessible(page, 'definitions of the layers')
    })
})

test('each tab goes out as a file', async () => {
    await withPage(server, {}, async (page) => {
        for (const [tab, head, lines] of [['rfm', '分层代码', 9], ['matrix', '渠道', 3], ['cohort', '首单月份', 4], ['figures?by=state', '购买状态', 6]]) {
            await at(page, `/layers/${tab}`)
            await page.locator('.cells, tbody tr').first().waitFor()
            const coming = page.waitForEvent('download')
            await page.getByRole('button', { name: '导出 CSV' }).click()
            const text = readFileSync(await (await coming).path(), 'utf8')
            assert.ok(text.startsWith(`\ufeff${head}`), text.slice(0, 80))
            assert.ok(text.trim().split('\r\n').length >= lines, text)
        }
    })
})

test('on a phone and in English as well', async () => {
    await withPage(server, { size: PHONE, locale: 'en' }, async (page) => {
        await at(page, `/layers/customers?channel_id=${base.store}&rfm=RFM`)
        await page.getByText('4 customers, ').waitFor()
        await page.getByText('Champions').waitFor()
        await page.locator('tbody a').first().click()
        await page.waitForURL(/\/customers\/\d+$/)
    })
})
