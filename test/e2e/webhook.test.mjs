/* Webhooks as an administrator keeps them: made, tried against a real receiver, failing, mended and sent again, their secret
 * replaced while both sign, paused, removed. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'

const DESK = { width: 1280, height: 800 }
const POCKET = { width: 390, height: 844 }
let server, receiver, answer
const arrived = []
before(async () => {
    await openBrowser()
    server = await (await new Server().start('serve', 0, ['--allow-private-webhooks'])).setUp()
    answer = { status: 200, body: 'ok' }
    receiver = createServer((request, response) => {
        let body = ''
        request.on('data', (bytes) => (body += bytes))
        request.on('end', () => {
            arrived.push({ headers: request.headers, body })
            response.writeHead(answer.status).end(answer.body)
        })
    })
    await new Promise((done) => receiver.listen(0, '127.0.0.1', done))
})
after(async () => {
    await closeBrowser()
    await server?.stop()
    receiver?.close()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
const addressOf = () => `http://127.0.0.1:${receiver.address().port}/hook`
const signed = (secret, { headers, body }) => `sha256=${createHmac('sha256', secret).update(`${headers['x-papilio-timestamp']}.${body}`).digest('hex')}`
async function secretShown(page) {
    const dialog = page.getByRole('dialog', { name: '签名密钥' })
    const secret = (await dialog.locator('code').innerText()).trim()
    assert.equal(secret.length, 32)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    return secret
}

test('made, tried, failing, sent again, its secret replaced, paused, removed', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/settings/webhooks`)
        await page.getByText('还没有推送', { exact: true }).waitFor()
        await assertAccessible(page, 'no webhooks')
        await shot(page, 'webhooks-empty')

        await button(page, '新建推送').click()
        const form = page.getByRole('dialog', { name: '新建推送' })
        await form.getByLabel('名称').fill('ERP')
        await form.getByLabel('接收地址').fill('http://a b/')
        await button(form, '保存').click()
        await form.getByText('地址要以 https:// 开头').waitFor()
        await form.getByLabel('接收地址').fill(addressOf())
        await form.getByLabel('全部事件').uncheck()
        assert.ok(await button(form, '保存').isDisabled(), 'nothing is chosen')
        await form.getByLabel('注册会员').check()
        await form.getByLabel('添加好友').check()
        await shot(page, 'webhook-form')
        await button(form, '保存').click()
        const first = await secretShown(page)

        await page.getByRole('link', { name: 'ERP' }).click()
        await page.getByText('还没有推送过').waitFor()
        await button(page, '发送测试').click()
        await page.getByText('对方已收到。').waitFor()
        assert.equal(JSON.parse(arrived.at(-1).body).kind, 'test')
        assert.equal(arrived.at(-1).headers['x-papilio-signature'], signed(first, arrived.at(-1)))

        answer = { status: 500, body: 'database is down' }
        await button(page, '发送测试').click()
        await page.getByText('没有送达。').waitFor()
        await page.getByText('HTTP 500: database is down').first().waitFor()
        await page.getByText('对方出错了').waitFor()
        await shot(page, 'webhook-failed')

        answer = { status: 410, body: '' }
        const customer = { kind: 'phone', value: '13900000009' }
        await server.post('/api/v1/events', { events: [{ message_id: 'm1', kind: 'friend_added', customer }] })
        await page.getByText('1 条多次重试仍未送达').waitFor()
        await page.getByLabel('只看未送达').check()
        await page.getByText('添加好友', { exact: true }).last().waitFor()
        await assertAccessible(page, 'a webhook that fails')
        await shot(page, 'webhook-dead')
        answer = { status: 200, body: '' }
        await button(page, '全部重发').click()
        await page.getByText('没有未送达的消息').waitFor()
        assert.equal(JSON.parse(arrived.at(-1).body).kind, 'friend_added')

        await button(page, '更换密钥').click()
        await button(page.getByRole('dialog', { name: '更换密钥' }), '更换密钥').click()
        const second = await secretShown(page)
        await page.getByText('旧密钥有效到').waitFor()
        await button(page, '发送测试').click()
        await page.getByText('对方已收到。').waitFor()
        assert.deepEqual(arrived.at(-1).headers['x-papilio-signature'].split(','), [signed(second, arrived.at(-1)), signed(first, arrived.at(-1))])

        await button(page, '暂停').click()
        await button(page.getByRole('dialog', { name: '暂停' }), '暂停').click()
        await page.getByText('已暂停').waitFor()
        await button(page, '恢复').click()
        await page.getByText('推送中').waitFor()
        await button(page, '编辑').click()
        const edit = page.getByRole('dialog', { name: '修改推送' })
        await edit.getByLabel('名称').fill('仓库系统')
        await button(edit, '保存').click()
        await page.getByRole('heading', { name: '仓库系统' }).waitFor()
    })
})

for (const look of [
    { name: 'zh-desk', locale: 'zh', theme: 'light', size: DESK },
    { name: 'en-phone', locale: 'en', theme: 'dark', size: POCKET },
]) {
    test(`the pages fit and are accessible: ${look.name}`, async () => {
        const long = `https://hooks.example.com/${'very-long-part/'.repeat(20)}`
        await server.post('/api/webhooks', { title: '一个名字很长很长的接收系统，用来看看页面会不会被撑破', url: long, kinds: 'order_paid friend_added member_registered friend_removed' })
        const { items } = await server.call('GET', '/api/webhooks')
        await withPage(server, look, async (page) => {
            for (const path of ['webhooks', `webhooks/${items[0].id}`, `webhooks/${items.at(-1).id}`]) {
                await page.goto(`${server.url}/settings/${path}`)
                await page.locator('.card').first().waitFor()
                await page.locator('.bone').first().waitFor({ state: 'hidden' })
                await assertFits(page, path)
                await assertAccessible(page, `${path} (${look.name})`)
                await shot(page, `webhooks-${items.findIndex(({ id }) => path.endsWith(id))}-${look.name}`)
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|\bwebhook\.[a-z]+/)
            }
        })
    })
}

test('removed', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/settings/webhooks`)
        await page.getByRole('link', { name: '仓库系统' }).click()
        await button(page, '删除这个推送').click()
        await button(page.getByRole('dialog', { name: '删除这个推送' }), '删除这个推送').click()
        await page.getByRole('heading', { name: '事件推送' }).waitFor()
        await page.getByRole('link', { name: '仓库系统' }).waitFor({ state: 'detached' })
    })
})
