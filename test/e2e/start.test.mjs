/* The first minutes with Papilio: set-up, signing in, an empty base. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADMIN, assertAccessible, assertFits, closeBrowser, openBrowser, PHONE, Server, withPage } from './harness.mjs'

let server
before(async () => {
    await openBrowser()
    server = await new Server().start()
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})
const signedOut = { isSignedIn: false }

test('a set-up link with a wrong token says what to do', async () => {
    await withPage(server, signedOut, async (page) => {
        await page.goto(`${server.url}/setup?token=wrong`)
        await page.getByText('这个设置链接无效或已过期。').waitFor()
        await page.getByText('重新启动服务').waitFor()
    })
})

test('set-up asks for a long password, then signs in to an empty base', async () => {
    await withPage(server, signedOut, async (page) => {
        await page.goto(server.setupLink)
        await page.getByLabel('品牌名称').fill('青禾生活')
        await assertAccessible(page, 'set-up')
        await page.getByLabel('时区').selectOption('Asia/Shanghai')
        await page.getByLabel('货币').selectOption('CNY')
        await page.getByLabel('姓名').fill(ADMIN.name)
        await page.getByLabel('登录名').fill(ADMIN.login)
        await page.getByLabel('密码', { exact: true }).fill('short')
        await page.getByRole('button', { name: '完成设置' }).click()
        await page.locator('.wrong', { hasText: '至少 10 个字符' }).waitFor()
        await page.getByLabel('密码', { exact: true }).fill(ADMIN.password)
        await page.getByRole('button', { name: '完成设置' }).click()
        await page.getByRole('heading', { name: '总览' }).waitFor()
        await page.getByText('还没有客户').waitFor()
        await page.getByText('papilio import orders').waitFor()
        assert.equal(await page.getByText('演示数据').count(), 0)
        assert.match(await page.title(), /总览 · 青禾生活/)
    })
})

test('the link works once', async () => {
    await withPage(server, signedOut, async (page) => {
        await page.goto(server.setupLink)
        await page.getByText('这里已经设置好了。').waitFor()
        await page.getByRole('link', { name: '去登录' }).click()
        await page.getByRole('heading', { name: '登录' }).waitFor()
    })
})

test('a wrong password is told, the right one leads where one wanted to go', async () => {
    await withPage(server, signedOut, async (page) => {
        await page.goto(`${server.url}/customers?state=lost`)
        await page.getByRole('heading', { name: '登录' }).waitFor()
        await page.getByLabel('登录名').fill(ADMIN.login)
        await page.getByLabel('密码').fill('not the password')
        await page.keyboard.press('Enter')
        await page.getByRole('alert').filter({ hasText: '登录名或密码不对' }).waitFor()
        await page.getByLabel('密码').fill(ADMIN.password)
        await page.keyboard.press('Enter')
        await page.waitForURL(/\/customers\?state=lost$/)
        await page.getByText('没有符合条件的客户').waitFor()
    })
})

test('a next address on another site is not followed', async () => {
    await withPage(server, signedOut, async (page) => {
        await page.goto(`${server.url}/login?next=//example.org/`)
        await page.getByLabel('登录名').fill(ADMIN.login)
        await page.getByLabel('密码').fill(ADMIN.password)
        await page.keyboard.press('Enter')
        await page.waitForURL(`${server.url}/`)
        await page.getByText('还没有客户').waitFor()
    })
})

test('every page of an empty base says what would fill it, on a phone too', async () => {
    await server.post('/api/login', { login: ADMIN.login, password: ADMIN.password })
    for (const size of [undefined, PHONE]) {
        await withPage(server, { size }, async (page) => {
            const words = { '/': '放进第一批数据', '/customers': '导入客户或订单', '/channels': '还没有渠道', '/settings/keys': '还没有密钥' }
            for (const [path, text] of Object.entries(words)) {
                await page.goto(server.url + path)
                await page.getByText(text).first().waitFor()
                await assertFits(page, path)
                await assertAccessible(page, path)
            }
        })
    }
})

test('an unknown page leads home', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/nowhere/at/all`)
        await page.getByRole('heading', { name: '没有这个页面' }).waitFor()
        await page.getByRole('link', { name: '回到总览' }).click()
        await page.getByRole('heading', { name: '总览' }).waitFor()
    })
})

test('language and theme are chosen in the personal menu and kept', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        await page.getByRole('button', { name: /个人菜单/ }).click()
        await page.getByRole('radio', { name: 'English' }).click()
        await page.getByRole('heading', { name: 'Overview' }).waitFor()
        await page.getByRole('radio', { name: 'Dark' }).click()
        assert.ok(await page.evaluate(() => document.documentElement.classList.contains('dark')))
        await page.keyboard.press('Escape')
        await page.reload()
        await page.getByRole('heading', { name: 'Overview' }).waitFor()
        assert.ok(await page.evaluate(() => document.documentElement.classList.contains('dark')))
        assert.equal(await page.getAttribute('html', 'lang'), 'en')
        await page.goto(`${server.url}/settings/me`)
        const look = page.locator('#look')
        await look.getByRole('radio', { name: '中文' }).click()
        await look.getByRole('radio', { name: '跟随系统' }).click()
        assert.ok(!(await page.evaluate(() => document.documentElement.classList.contains('dark'))))
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.waitForFunction(() => document.documentElement.classList.contains('dark'))
    })
})

test('signing out ends the session', async () => {
    const own = await new Server(server.folder)
    own.url = server.url
    await own.post('/api/login', { login: ADMIN.login, password: ADMIN.password })
    await withPage(own, {}, async (page) => {
        await page.goto(server.url)
        await page.getByRole('button', { name: /个人菜单/ }).click()
        await page.getByRole('button', { name: '退出登录' }).click()
        await page.getByRole('heading', { name: '登录' }).waitFor()
        await page.goto(server.url)
        await page.getByRole('heading', { name: '登录' }).waitFor()
    })
})
