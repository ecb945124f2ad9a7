/* The mail server's settings: a password that is never shown again, and a trial whose answer comes by itself. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { PHONE, Server, assertAccessible, assertFits, closeBrowser, openBrowser, withPage } from './harness.mjs'

let server, mta, mails
before(async () => {
    server = await (await new Server().start()).setUp()
    mails = []
    mta = new SMTPServer({
        authOptional: true,
        logger: false,
        onData: (stream, session, done) => stream.resume().on('end', () => (mails.push(session.envelope), done(null, 'queued'))),
    })
    mta.on('error', () => {})
    await new Promise((done) => mta.listen(0, '127.0.0.1', done))
    await openBrowser()
})
after(async () => {
    await closeBrowser()
    await new Promise((done) => mta.close(done))
    await server.stop()
})

async function change(page, label, value) {
    const row = page.locator('li', { has: page.getByLabel(label, { exact: true }) })
    await row.getByLabel(label, { exact: true }).fill(value)
    await row.getByPlaceholder('为什么改（写入历史）').fill('试一试')
    await row.getByRole('button', { name: '保存' }).click()
    await row.getByText('已保存').waitFor()
}

test('a server is set and tried; its password is not shown again', async () => {
    await withPage(server, { size: PHONE }, async (page) => {
        await page.goto(`${server.url}/settings`)
        await page.getByLabel('收件邮箱').or(page.getByPlaceholder('收件邮箱')).first().fill('li@example.org')
        await page.getByRole('button', { name: '发送', exact: true }).click()
        await page.getByText('no mail server is set').waitFor()
        await change(page, '发信服务器', '127.0.0.1')
        await change(page, '发信端口', String(mta.server.address().port))
        await change(page, '发件人地址', 'shop@brand.cn')
        const password = page.getByLabel('发信密码', { exact: true })
        assert.equal(await password.getAttribute('type'), 'password')
        await password.fill('hunter2')
        const row = page.locator('li', { has: password })
        await row.getByPlaceholder('为什么改（写入历史）').fill('试一试')
        await row.getByRole('button', { name: '保存' }).click()
        await page.waitForFunction(() => document.querySelector('#setting-smtp_password')?.placeholder.includes('不再显示'))
        assert.equal(await password.inputValue(), '')
        await page.getByRole('button', { name: '发送', exact: true }).click()
        await page.getByText('已发出').waitFor()
        await page.getByText(/^250 .*queued/).waitFor()
        assert.deepEqual(mails.map(({ rcptTo }) => rcptTo[0].address), ['li@example.org'])
        await assertFits(page, 'settings')
        await assertAccessible(page, 'settings')
    })
})
