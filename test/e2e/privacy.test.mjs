/* Privacy as people work with it: a text, a consent given and taken back, a copy, a deletion with its receipt, a key replaced. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, PHONE, Server, withPage } from './harness.mjs'

let server
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    await server.post('/api/customers', { name: '要走的人', phone: '13900000001' })
    await server.post('/api/customers', { name: '留下的人', phone: '13900000002' })
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)

test('a text is written; a person agrees to it and takes it back', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/privacy`)
        await page.getByText('还没有授权文本').waitFor()
        await page.getByText('还没有请求').waitFor()
        await assertAccessible(page, 'privacy, empty')
        await page.getByRole('button', { name: '新建授权文本' }).click()
        const dialog = page.getByRole('dialog', { name: '新建授权文本' })
        await dialog.getByLabel('用途').selectOption('marketing')
        await dialog.getByLabel('标题').fill('接收营销信息')
        await dialog.getByLabel('正文').fill('我们每周最多发送一次上新信息。')
        await assertAccessible(page, 'a new text')
        await dialog.getByRole('button', { name: '保存' }).click()
        await page.getByText('第 1 版').waitFor()

        await page.goto(`${server.url}/customers?search=${encodeURIComponent('留下的人')}`)
        await page.getByRole('link', { name: '留下的人' }).click()
        await page.getByRole('button', { name: '记录授权' }).click()
        await page.getByRole('dialog', { name: '记录授权' }).getByRole('button', { name: '保存' }).click()
        await page.getByRole('button', { name: '撤回授权 营销信息' }).click()
        await page.getByRole('dialog', { name: '撤回授权' }).getByRole('button', { name: '保存' }).click()
        await page.getByText('已撤回').waitFor()
    })
})

test('a person is deleted only with the number typed; the receipt says what went', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers?search=${encodeURIComponent('要走的人')}`)
        await page.getByRole('link', { name: '要走的人' }).click()
        await page.getByRole('button', { name: '导出个人数据' }).click()
        await page.getByRole('dialog').getByLabel('原因').fill('来信')
        await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
        await page.getByText('正在生成').waitFor()

        await page.getByRole('button', { name: '删除个人数据' }).click()
        const dialog = page.getByRole('dialog', { name: '删除个人数据' })
        await dialog.getByLabel('原因').fill('来信')
        const button = dialog.getByRole('button', { name: '永久删除' })
        assert.equal(await button.isDisabled(), true)
        await dialog.getByLabel(/输入客户编号/).fill('7')
        assert.equal(await button.isDisabled(), true)
        await dialog.getByLabel(/输入客户编号/).fill('1')
        await assertAccessible(page, 'deletion')
        await shot(page, 'privacy-delete')
        await button.click()
        await page.waitForURL(/settings\/privacy/)
        const row = page.locator('li').filter({ hasText: '删除个人数据' }).first()
        await row.getByText('已完成').waitFor()
        await row.getByText('回执内容').click()
        await row.getByText('身份标识').waitFor()
        const [download] = await Promise.all([page.waitForEvent('download'), row.getByRole('link', { name: '下载回执' }).click()])
        assert.match(download.suggestedFilename(), /^receipt-\d+\.txt$/)
        await page.goto(`${server.url}/customers?search=${encodeURIComponent('要走的人')}`)
        await page.getByText('没有符合条件的客户').waitFor()
    })
})

test('a key is replaced while the page looks on', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/privacy`)
        await page.getByRole('button', { name: '更换 加密密钥' }).click()
        await page.getByRole('dialog', { name: '更换' }).getByRole('button', { name: '更换' }).click()
        await page.getByText('第 2 把').waitFor()
        await page.getByText('上次更换完成于').waitFor()
    })
})

for (const look of [
    { name: 'zh, desk', locale: 'zh', theme: 'light', size: DESKTOP },
    { name: 'en, phone', locale: 'en', theme: 'dark', size: PHONE },
    { name: 'zh, phone', locale: 'zh', theme: 'light', size: PHONE },
    { name: 'en, desk', locale: 'en', theme: 'dark', size: DESKTOP },
]) {
    test(`the page fits and is accessible: ${look.name}`, async () => {
        await withPage(server, look, async (page) => {
            await page.goto(`${server.url}/settings/privacy`)
            await page.locator('details').first().waitFor()
            for (const one of await page.locator('summary').all()) await one.click()
            await assertFits(page, 'privacy')
            await assertAccessible(page, `privacy (${look.name})`)
            await shot(page, `privacy-${look.name.replace(/\W+/g, '-')}`)
            assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|privacy\.[a-z]+/)
        })
    })
}
