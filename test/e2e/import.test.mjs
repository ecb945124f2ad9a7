/* Importing by hand: a CSV and a spreadsheet from drop to undo, on a desk and on a phone, in both languages. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { xlsxOf } from '../api/xlsx.mjs'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, PHONE, Server, withPage } from './harness.mjs'

let server
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

async function look(page, name) {
    if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true })
    await assertFits(page, name)
    await assertAccessible(page, name)
}
const file = (name, bytes) => {
    const path = join(server.folder, name)
    writeFileSync(path, bytes)
    return path
}

test('a spreadsheet of customers: columns, trial, import, refused rows, undo', async () => {
    await withPage(server, { locale: 'zh', size: DESKTOP }, async (page) => {
        await page.goto(server.url)
        await page.getByRole('link', { name: '导入', exact: true }).click()
        await page.getByText('还没有导入过文件').waitFor()
        await look(page, 'import-empty')
        const rows = [['姓名', '手机号', '爱好'], ['王芳', '13800000001', '茶'], ['李雷', '13800000002', ''], ['坏', '不是', '']]
        await page.locator('input[type=file]').setInputFiles(file('客户.xlsx', xlsxOf(rows)))
        await page.getByRole('heading', { name: '客户.xlsx' }).waitFor()
        await page.getByRole('cell', { name: '客户身份不对' }).waitFor()
        assert.equal(await page.locator('#import-column-1').inputValue(), 'phone')
        await page.locator('#import-column-2').selectOption('+')
        await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 3)
        await look(page, 'import-mapping')
        await page.locator('#import-column-1').selectOption('')
        await page.getByText('还有必填的列没有对上').first().waitFor()
        assert.ok(await page.getByRole('button', { name: '开始导入' }).isDisabled())
        await page.locator('#import-column-1').selectOption('phone')
        await page.getByRole('button', { name: '试运行', exact: true }).click()
        await page.getByRole('heading', { name: '已试运行' }).waitFor()
        await look(page, 'import-tried')
        assert.equal((await server.call('GET', '/api/customers')).items.length, 0)
        await page.getByRole('cell', { name: '客户身份不对' }).waitFor()
        await page.getByRole('button', { name: '开始导入' }).click()
        await page.getByRole('heading', { name: '完成' }).waitFor()
        await look(page, 'import-done')
        const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '下载被拒绝的行' }).click()])
        assert.match(readFileSync(await saved.path(), 'utf8'), /坏,不是,,4,row\.customer/)
        assert.equal((await server.call('GET', '/api/customers')).items.length, 2)
        await page.getByRole('button', { name: '撤销这次导入' }).click()
        await page.getByText('2 位由它新建的客户会被移除').waitFor()
        await look(page, 'import-undo')
        await page.getByRole('dialog').getByRole('button', { name: '撤销这次导入' }).click()
        await page.getByRole('heading', { name: '已撤销' }).waitFor()
        assert.equal((await server.call('GET', '/api/customers')).items.length, 0)
    })
})

test('a CSV on a phone, dropped, in English; stopped and gone on with', async () => {
    const lines = Array.from({ length: 300_000 }, (_, i) => `o${i >> 1},p${i % 50},1,9.90,2026-01-05,c${(i >> 1) % 700}`)
    await withPage(server, { locale: 'en', size: PHONE, theme: 'dark' }, async (page) => {
        await page.goto(`${server.url}/imports`)
        const text = ['order_no,product_code,quantity,unit_price,placed_at,customer', ...lines].join('\n')
        await page.locator('.drop').waitFor()
        await page.evaluate((body) => {
            const data = new DataTransfer()
            data.items.add(new File([body], 'orders.csv', { type: 'text/csv' }))
            document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
        }, text)
        await page.getByRole('heading', { name: 'orders.csv' }).waitFor()
        await page.getByRole('cell', { name: 'Written' }).first().waitFor()
        await look(page, 'import-phone-mapping')
        await page.getByRole('button', { name: 'Import', exact: true }).click()
        await page.getByRole('button', { name: 'Stop' }).click()
        await page.getByRole('heading', { name: 'Stopped' }).waitFor()
        await look(page, 'import-phone-stopped')
        const goOn = page.getByRole('button', { name: 'Go on' })
        await ((await goOn.count()) ? goOn : page.getByRole('button', { name: 'Import', exact: true })).click()
        await page.getByRole('heading', { name: 'Done' }).waitFor()
        await page.getByRole('link', { name: 'All imports' }).click()
        await page.getByRole('link', { name: 'orders.csv' }).waitFor()
        await look(page, 'import-phone-history')
    })
})

test('what is no table says so', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await page.goto(`${server.url}/imports`)
        await page.locator('input[type=file]').setInputFiles(file('old.xls', Buffer.from('d0cf11e0a1b11ae1', 'hex')))
        await page.getByRole('alert').getByText('旧版 .xls').waitFor()
        await look(page, 'import-refused')
    })
})
