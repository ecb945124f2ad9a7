/* The people who work here: an organisation is built, a colleague invited, a role changed, and the trail shows it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PHONE, Server, assertAccessible, assertFits, closeBrowser, openBrowser, withPage } from './harness.mjs'

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
        await page.getByText('王博').waitFor()
        assert.equal(await page.getByText('ana · 管理员').count(), 0)
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

test('on a phone and for a screen reader', async () => {
    for (const path of ['/settings/team', '/settings/roles', '/settings/audit'])
        for (const size of [undefined, PHONE])
            await withPage(server, { size }, async (page) => {
                await page.goto(server.url + path)
                await page.locator('main li').first().waitFor()
                await page.waitForTimeout(300)
                await assertFits(page, path)
                await assertAccessible(page, path)
            })
})
