/* 批量: filters as chips, saved views, columns, work on many with progress, undo, files and cancelling. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, openBrowser, PHONE, Server, withPage } from './harness.mjs'
import { seed } from './seed.mjs'

let server
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    await seed(server)
    await server.post('/api/tags', { family: 'intent', name: '春季活动', color: '#2563eb' })
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png` }) : undefined)
const total = async (query = '') => (await server.call('GET', `/api/customers?limit=1${query}`)).total_count
const tray = (page) => page.getByRole('region', { name: '后台任务' })

async function at(page, path = '/customers') {
    await page.goto(server.url + path)
    await page.locator('tbody tr').first().waitFor()
}

test('filters become chips, a view keeps them', async () => {
    await withPage(server, {}, async (page) => {
        await at(page)
        await page.getByRole('combobox', { name: '状态' }).selectOption('never')
        await page.getByText('状态 未购').waitFor()
        await page.getByRole('button', { name: '更多条件' }).click()
        await page.getByLabel('负责人').selectOption('none')
        await page.getByRole('listitem').filter({ hasText: '无人负责' }).waitFor()
        await assertAccessible(page, 'filters')
        await shot(page, 'filters-1440')
        await page.getByRole('button', { name: '去掉条件：负责人 无人负责' }).click()
        await page.getByRole('button', { name: '显示列' }).click()
        await page.getByRole('checkbox', { name: '负责人' }).check()
        await page.getByRole('checkbox', { name: '标签', exact: true }).uncheck()
        await assertAccessible(page, 'columns')
        await page.getByRole('button', { name: '应用' }).click()
        await page.getByRole('columnheader', { name: '负责人' }).waitFor()
        assert.equal(await page.getByRole('columnheader', { name: '标签' }).count(), 0)
        await page.getByRole('button', { name: '保存为视图' }).click()
        await page.getByLabel('视图名称').fill('还没下单')
        await page.getByRole('button', { name: '保存', exact: true }).click()
        await page.getByRole('link', { name: '还没下单' }).waitFor()
        await page.getByRole('link', { name: '全部客户' }).click()
        await page.getByText(`${await total()} 人`).waitFor()
        await page.getByRole('link', { name: '还没下单' }).click()
        await page.getByText(`${await total('&state=never')} 人`).waitFor()
        await page.getByRole('columnheader', { name: '负责人' }).waitFor()
        await page.getByRole('button', { name: '删除这个视图' }).click()
        await page.getByRole('link', { name: '还没下单' }).waitFor({ state: 'detached' })
    })
})

test('a tag for all that match, with progress, and back', async () => {
    await withPage(server, {}, async (page) => {
        const count = await total('&state=never')
        await at(page, '/customers?state=never')
        await page.getByRole('checkbox', { name: '选择本页全部客户' }).check()
        if (count > 50) await page.getByRole('button', { name: `选择全部 ${count} 位符合条件的客户` }).click()
        await page.getByText(`已选 ${count} 位`).waitFor()
        await shot(page, 'bar-1440')
        await page.getByRole('button', { name: '打标签' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByText(`${count} 位客户`).first().waitFor()
        await dialog.getByLabel('标签').selectOption({ label: '春季活动' })
        await page.waitForTimeout(300) // the button fades in
        await assertAccessible(page, 'bulk dialog')
        await shot(page, 'dialog-1440')
        await page.getByRole('button', { name: `对 ${count} 位执行` }).click()
        await tray(page).getByText(`改动了 ${count} 位客户`).waitFor()
        await page.locator('tbody').getByText('春季活动').first().waitFor()
        await dialog.waitFor({ state: 'detached' })
        await assertAccessible(page, 'tray')
        await shot(page, 'tray-1440')
        await tray(page).getByRole('button', { name: '撤销' }).click()
        await tray(page).getByText(`已恢复 ${count} 位`).waitFor()
        const tag = (await server.call('GET', '/api/tags')).items.find(({ name }) => name === '春季活动')
        assert.equal(tag.customer_count, 0)
        await tray(page).getByRole('button', { name: /^收起 批量标签/ }).click()
        await tray(page).waitFor({ state: 'detached' })
    })
})

test('a file of the chosen ones', async () => {
    await withPage(server, {}, async (page) => {
        await at(page)
        for (const n of [0, 1]) await page.locator('tbody').getByRole('checkbox').nth(n).check()
        await page.getByRole('button', { name: '导出' }).click()
        await page.getByRole('radio', { name: 'CSV' }).check()
        await assertAccessible(page, 'export dialog')
        await page.getByRole('button', { name: '对 2 位执行' }).click()
        await tray(page).getByText('共 2 行').waitFor()
        const coming = page.waitForEvent('download')
        await tray(page).getByRole('link', { name: '下载' }).click()
        const file = await coming
        assert.match(file.suggestedFilename(), /^customers-\d{4}-\d\d-\d\d-\d+\.csv$/)
        const lines = readFileSync(await file.path(), 'utf8').split('\r\n').filter(Boolean)
        assert.equal(lines.length, 3)
        assert.match(lines[0], /^\uFEFF客户编号,姓名,手机/)
        assert.match(lines[1], /\d{3}\*{4}\d{4}/)
        await page.getByRole('link', { name: '全部任务' }).click()
        await page.getByRole('heading', { name: '任务', level: 1 }).waitFor()
        await page.getByText('共 2 行').first().waitFor()
        await assertAccessible(page, 'jobs')
        await shot(page, 'jobs-1440')
    })
})

/* A job that is under way: the page's own words for it, and cancelling asks the server. */
test('a job can be cancelled', async () => {
    await withPage(server, {}, async (page) => {
        const job = (await server.call('GET', '/api/jobs?limit=1')).items[0]
        const running = { ...job, status: 'running', total_count: 1000, done_count: 400, ended_ms: null, has_file: false, can_cancel: true, can_undo: false }
        let isCancelled = false
        await page.route('**/api/jobs?*', (route) => route.fulfill({ json: { items: [isCancelled ? { ...running, status: 'cancelled', can_cancel: false } : running], next_cursor: null } }))
        await page.route('**/api/jobs/*/cancel', (route) => {
            isCancelled = true
            return route.fulfill({ json: { ...running, status: 'cancelled' } })
        })
        await at(page)
        await tray(page).getByText('400 / 1,000').waitFor()
        assert.equal(await tray(page).getByRole('progressbar').getAttribute('aria-valuenow'), '40')
        await tray(page).getByRole('button', { name: '取消任务' }).click()
        await tray(page).getByText('已取消').waitFor()
    })
})

for (const locale of ['zh', 'en']) {
    test(`on a phone too (${locale})`, async () => {
        await withPage(server, { size: PHONE, locale }, async (page) => {
            await at(page, '/customers?state=never')
            await page.locator('tbody').getByRole('checkbox').first().check()
            await assertFits(page, 'list with a choice')
            await assertAccessible(page, `list (${locale})`)
            await shot(page, `list-360-${locale}`)
            await page.getByRole('button', { name: locale === 'zh' ? '导出' : 'Export' }).click()
            await page.getByRole('dialog').waitFor()
            await shot(page, `dialog-360-${locale}`)
            await page.keyboard.press('Escape')
            await page.getByRole('button', { name: /^(筛选|Filter)/ }).click()
            await page.getByRole('button', { name: /^(更多条件|More filters)/ }).click()
            await assertFits(page, 'filters')
            await shot(page, `filters-360-${locale}`)
            await page.goto(`${server.url}/jobs`)
            await page.locator('article').first().waitFor()
            await assertFits(page, 'jobs')
            await assertAccessible(page, `jobs (${locale})`)
            await shot(page, `jobs-360-${locale}`)
        })
    })
}
