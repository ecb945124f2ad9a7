/* The people who work here: an organisation is built, a colleague invited, a role changed, and the trail shows it. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ADMIN, PHONE, Server, assertAccessible, assertFits, closeBrowser, openBrowser, withPage } from './harness.mjs'

let server
before(async () => {
    server = await (await new Server().start()).setUp()
    await openBrowser()
})
after(async () => {
    await closeBrowser()
    await server.stop()
})

async function orgAdd(page, name, code, kind, parent) {
    if (parent) await page.getByRole('button', { name: `给 ${parent} 新建下级` }).click()
    else await page.getByRole('button', { name: '新建组织' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('名称').fill(name)
    await dialog.getByLabel('编号').fill(code)
    await dialog.getByLabel('类型').selectOption(kind)
    await dialog.getByRole('button', { name: '保存' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: new RegExp(`^${name} `) }).waitFor()
}

test('an organisation grows; a code that is taken is refused and the form stays', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/team`)
        await page.getByText('还没有组织').waitFor()
        await orgAdd(page, '青禾总部', 'hq', 'company')
        await orgAdd(page, '华东大区', 'east', 'region', '青禾总部')
        await orgAdd(page, '南京西路店', 'nj', 'store', '华东大区')
        await page.getByRole('button', { name: '新建组织' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('名称').fill('别的店')
        await dialog.getByLabel('编号').fill('nj')
        await dialog.getByRole('button', { name: '保存' }).click()
        await dialog.getByRole('alert').waitFor()
        assert.equal(await dialog.getByLabel('名称').inputValue(), '别的店')
    })
})

test('a colleague is invited by a link, chooses a password, and sees what the role allows', async () => {
    let link
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/team`)
        await page.getByRole('button', { name: '添加员工' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('登录名').fill('bo')
        await dialog.getByLabel('姓名').fill('王博')
        await dialog.getByLabel('角色').selectOption('guide')
        await dialog.getByText('仅自己的客户').waitFor()
        await dialog.getByLabel('所属组织').selectOption({ label: '\u3000\u3000南京西路店' })
        await dialog.getByRole('button', { name: '保存' }).click()
        link = await page.getByLabel('邀请链接').locator('code').textContent()
        assert.match(link, /\/link\?token=/)
        await page.getByRole('button', { name: '关闭' }).last().click()
        await page.getByText('bo · 导购 · 南京西路店').waitFor()
        await page.getByRole('button', { name: /南京西路店 门店/ }).click()
        await page.waitForURL(/org_id=/)
        await page.getByText('ana · 管理员').waitFor({ state: 'detached' })
        await page.getByText('王博').waitFor()
    })
    await withPage(server, { isSignedIn: false }, async (page) => {
        await page.goto(link)
        await page.getByText('王博，用登录名 bo 登录').waitFor()
        await page.getByLabel('新密码').fill('short')
        await page.getByText('至少 10 个字符').waitFor()
        await page.getByLabel('新密码').fill('another horse 9')
        await page.getByRole('button', { name: '保存并去登录' }).click()
        await page.getByLabel('登录名').fill('bo')
        await page.getByLabel('密码').fill('another horse 9')
        await page.getByRole('button', { name: '登录' }).click()
        await page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '客户' }).waitFor()
        assert.equal(await page.getByRole('link', { name: '总览' }).count(), 0, 'a guide has no overview')
        await page.goto(link)
        await page.getByText('已用过或已过期').waitFor()
    })
})

test('a role of one\'s own: rights ticked, reach chosen, in use and so not deleted', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/roles`)
        await page.getByRole('button', { name: '新建角色' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('名称').fill('店长')
        await dialog.getByLabel('标识').fill('manager')
        await dialog.getByLabel('数据范围').selectOption('store')
        await dialog.getByLabel('看客户', { exact: true }).check()
        await dialog.getByRole('button', { name: '保存' }).click()
        const row = page.locator('li').filter({ hasText: '店长' })
        await row.getByText('本组织及下级的客户 · 0 人 · manager').waitFor()
        await row.getByRole('button', { name: '删除角色' }).click()
        await page.getByRole('button', { name: /OK|确定/ }).click()
        await row.waitFor({ state: 'detached' })
    })
})

test('the trail names who did it; its filters stand in the address', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/audit`)
        await page.getByText('添加员工').first().waitFor()
        await page.getByLabel('对象').selectOption('org')
        await page.waitForURL(/noun=org/)
        await page.getByText('新建组织').first().waitFor()
        await page.getByText('添加员工').first().waitFor({ state: 'detached' })
        await page.getByRole('button', { name: '清除筛选' }).click()
        await page.getByText('添加员工').first().waitFor()
    })
})

/* RFC 6238 with the base32 of RFC 4648, as an authenticator does it. */
function totp(secret) {
    const bits = [...secret].map((sign) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('')
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
    const step = Buffer.alloc(8)
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
    const hash = createHmac('sha1', key).update(step).digest()
    const at = hash[19] & 15
    return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

test('a second factor: a picture, a code, recovery codes; the login asks for it', async () => {
    let secret, recovery
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/me`)
        await page.getByRole('button', { name: '开启' }).click()
        await page.getByLabel('现在的密码').last().fill(ADMIN.password)
        await page.getByRole('dialog').getByRole('button', { name: '开启' }).click()
        const picture = page.getByRole('img', { name: '两步验证' })
        await picture.waitFor()
        await picture.evaluate((image) => image.decode()) // throws where it cannot be drawn
        secret = (await page.getByLabel('密钥').locator('code').textContent()).replace(/\s/g, '')
        await page.getByLabel('动态码').fill('000000')
        await page.getByRole('button', { name: '确认开启' }).click()
        await page.getByRole('alert').waitFor()
        await page.getByLabel('动态码').fill(totp(secret))
        await page.getByRole('button', { name: '确认开启' }).click()
        recovery = (await page.getByLabel('恢复码').locator('code').textContent()).split('\n')
        assert.equal(recovery.length, 10)
        await page.getByRole('button', { name: '我已保存' }).click()
        await page.getByText('已开启').waitFor()
        await page.getByText('还有 10 个恢复码').waitFor()
    })
    await withPage(server, { isSignedIn: false }, async (page) => {
        await page.goto(`${server.url}/login`)
        await page.getByLabel('登录名').fill(ADMIN.login)
        await page.getByLabel('密码').fill(ADMIN.password)
        await page.getByRole('button', { name: '登录' }).click()
        await page.getByLabel('动态码').fill('111111')
        await page.getByRole('button', { name: '登录' }).click()
        await page.getByText('动态码不对').waitFor()
        await page.getByLabel('动态码').fill(recovery[0])
        await page.getByRole('button', { name: '登录' }).click()
        await page.getByRole('heading', { name: '总览' }).waitFor()
        await page.goto(`${server.url}/settings/me`)
        await page.getByText('还有 9 个恢复码').waitFor()
        await page.getByRole('button', { name: '结束其他所有登录' }).click()
        await page.getByText('当前设备').waitFor()
        await page.getByRole('button', { name: '结束', exact: true }).first().waitFor({ state: 'detached' })
        await page.getByRole('button', { name: '关闭', exact: true }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('现在的密码').fill(ADMIN.password)
        await dialog.getByLabel('动态码').fill(recovery[1])
        await dialog.getByRole('button', { name: '关闭', exact: true }).last().click()
        await page.getByText('未开启').waitFor()
    })
    const token = await fetch(`${server.url}/api/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ login: ADMIN.login, password: ADMIN.password }),
    })
    server.cookie = token.headers.get('set-cookie').split(';')[0]
    server.csrf = (await token.json()).csrf_token
})

test('a key for another program: shown once, does what its rights say, revoked', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/keys`)
        await page.getByText('还没有 API 密钥').waitFor()
        await page.getByRole('button', { name: '新建 API 密钥' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('给谁用').fill('数据仓库')
        await dialog.getByLabel('看客户', { exact: true }).check()
        await dialog.getByRole('button', { name: '保存' }).click()
        const key = await page.getByLabel('API 密钥').locator('code').textContent()
        const ask = (path) => fetch(server.url + path, { headers: { Authorization: `Bearer ${key}` } })
        assert.equal((await ask('/api/customers')).status, 200)
        assert.equal((await ask('/api/settings')).status, 403)
        await page.keyboard.press('Escape')
        await page.getByText('数据仓库', { exact: true }).waitFor()
        await page.getByRole('button', { name: '吊销' }).click()
        await page.getByRole('button', { name: /OK|确定/ }).click()
        await page.getByText('已吊销').waitFor()
        assert.equal((await ask('/api/customers')).status, 401)
    })
})

test('on a phone and for a screen reader', async () => {
    for (const path of ['/settings/team', '/settings/roles', '/settings/audit', '/settings/keys', '/settings/me'])
        for (const size of [undefined, PHONE])
            await withPage(server, { size }, async (page) => {
                await page.goto(server.url + path)
                await page.locator('main .card').first().waitFor()
                await page.waitForTimeout(300)
                await assertFits(page, path)
                await assertAccessible(page, path)
            })
})
