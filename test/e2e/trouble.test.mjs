/* A slow server, a failing one, none at all: the pages say so, and what to do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closeBrowser, openBrowser, Server, withPage } from './harness.mjs'

let server
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    await server.post('/api/customers', { name: '客户01', phone: '13900000001' })
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})
const PAGES = {
    '/': ['**/api/overview*', '蝴蝶图'],
    '/customers': ['**/api/customers*', '客户01'],
    '/channels': ['**/api/channels*', '还没有渠道'],
    '/settings': ['**/api/settings*', '规则'],
}

test('a slow server: the shape of the page is there at once, the data when it comes', async () => {
    for (const [path, [address, text]] of Object.entries(PAGES)) {
        await withPage(server, {}, async (page) => {
            let release
            const held = new Promise((done) => (release = done))
            await page.route(address, async (route) => {
                await held
                await route.continue()
            })
            await page.goto(server.url + path)
            await page.locator('h1').waitFor()
            await page.locator('.bone').first().waitFor()
            assert.equal(await page.getByText(text, { exact: true }).count(), 0, path)
            release()
            await page.getByText(text, { exact: true }).first().waitFor()
            assert.equal(await page.locator('[aria-busy=true] .bone').count(), 0, path)
        })
    }
})

test('a failing server: what happened, what to do, and a retry that works', async () => {
    for (const [path, [address, text]] of Object.entries(PAGES)) {
        await withPage(server, {}, async (page) => {
            await page.route(address, (route) =>
                route.fulfill({ status: 500, contentType: 'application/json', body: '{"error":{"code":"internal","message":"x"}}' }),
            )
            await page.goto(server.url + path)
            const box = page.getByRole('alert').filter({ hasText: '服务出错了' }).first()
            await box.waitFor()
            await box.getByText('请重试').waitFor()
            await page.unroute(address)
            await box.getByRole('button', { name: '重试' }).click()
            await page.getByText(text, { exact: true }).first().waitFor()
            assert.equal(await page.getByText('服务出错了').count(), 0, path)
        })
    }
})

test('what was shown stays when a reload fails', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        await page.getByText('客户01').waitFor()
        await page.route('**/api/customers?*', (route) => route.abort())
        await page.getByLabel('排序').selectOption('paid')
        await page.getByRole('alert').filter({ hasText: '连不上服务' }).waitFor()
        assert.ok(await page.getByText('客户01').isVisible())
    })
})

test('no answer at the first question: the whole page says so and can be tried again', async () => {
    await withPage(server, {}, async (page) => {
        await page.route('**/api/me', (route) => route.abort())
        await page.goto(`${server.url}/customers`)
        await page.getByRole('alert').filter({ hasText: '连不上服务' }).waitFor()
        await page.unroute('**/api/me')
        await page.getByRole('button', { name: '重试' }).click()
        await page.getByText('客户01').waitFor()
    })
})

test('a save that fails keeps what was written', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/channels`)
        await page.getByRole('button', { name: '添加渠道' }).first().click()
        await page.getByRole('textbox', { name: '名称' }).fill('快闪店')
        await page.getByLabel('代码').fill('popup')
        await page.route('**/api/channels', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()))
        await page.getByRole('button', { name: '保存' }).click()
        await page.getByRole('alert').filter({ hasText: '连不上服务' }).waitFor()
        assert.equal(await page.getByLabel('代码').inputValue(), 'popup')
        await page.unroute('**/api/channels')
        await page.getByRole('button', { name: '保存' }).click()
        await page.getByRole('link', { name: '快闪店' }).waitFor()
    })
})

test('a tag the server refuses is taken back, with a word', async () => {
    await server.post('/api/tags', { family: 'intent', name: '高意向', color: '#d9a441' })
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        await page.getByRole('link', { name: '客户01' }).click()
        await page.route('**/tags', (route) => (route.request().method() === 'POST' ? route.fulfill({ status: 500, body: '{}' }) : route.continue()))
        await page.getByLabel('添加标签').selectOption({ label: '高意向' })
        await page.getByText('服务出错了').waitFor()
        await page.getByText('还没有标签').waitFor()
    })
})

test('a name is shown as text, whatever it holds', async () => {
    const name = '<img src=x onerror=alert(1)>'
    await server.post('/api/customers', { name, phone: '13900000002' })
    await withPage(server, {}, async (page) => {
        page.on('dialog', () => page.faults.push('a script ran'))
        await page.goto(`${server.url}/customers`)
        await page.getByRole('link', { name }).click()
        await page.getByRole('heading', { name }).waitFor()
    })
})

test('what others change appears by itself', async () => {
    await withPage(server, {}, async (page) => {
        const stream = page.waitForResponse('**/api/live')
        await page.goto(`${server.url}/customers`)
        await page.getByText('客户01').waitFor()
        await stream
        await server.post('/api/customers', { name: '刚到的人', phone: '13900000003' })
        await page.getByText('刚到的人').waitFor()
    })
})

test('a lost session leads to the login and back to the same page', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        await page.getByText('客户01').waitFor()
        await page.context().clearCookies()
        await page.getByLabel('排序').selectOption('orders')
        await page.waitForURL(/\/login\?next=/)
        await page.getByLabel('登录名').fill('ana')
        await page.getByLabel('密码').fill('correct horse 7')
        await page.keyboard.press('Enter')
        await page.waitForURL(/\/customers\?sort=orders$/)
        await page.getByText('客户01').waitFor()
    })
})

test('the server stops and comes back: a retry goes on', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/channels`)
        await page.getByRole('heading', { name: '渠道' }).waitFor()
        const port = new URL(server.url).port
        await server.halt()
        await page.getByRole('navigation').getByRole('link', { name: '客户' }).click()
        await page.getByRole('alert').filter({ hasText: '连不上服务' }).first().waitFor()
        await server.start('serve', port)
        await page.getByRole('button', { name: '重试' }).first().click()
        await page.getByText('客户01').waitFor()
    })
})
