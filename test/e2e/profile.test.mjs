/* One customer's page with all its parts, the tags and the attributes of the brand: by mouse and by keyboard, at a desk and
 * on a phone, in both languages, for those who may and those who may not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, DESKTOP, openBrowser, PHONE, Server, withPage } from './harness.mjs'
import { seed } from './seed.mjs'

let server, base, id
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    base = await seed(server)
    id = base.ids.get(1)
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})
const open = async (page, n = 1) => {
    await page.goto(`${server.url}/customers/${base.ids.get(n)}`)
    await page.locator('.entry').first().waitFor()
}
const card = (n = 1) => server.call('GET', `/api/customers/${base.ids.get(n)}/card`)
const dialogOf = (page, name) => page.getByRole('dialog', { name })
const saved = async (page, name) => {
    await dialogOf(page, name).getByRole('button', { name: '保存' }).click()
    await dialogOf(page, name).waitFor({ state: 'hidden' })
}

test('the brand defines what it records, and the page takes each value as its kind', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/attributes`)
        await page.getByText('还没有定义属性').waitFor()
        await assertAccessible(page, 'no attributes')
        const define = async (title, kind, choices) => {
            await page.getByRole('button', { name: '新建属性' }).click()
            await page.getByLabel('显示名称').fill(title)
            await page.getByLabel('类型').selectOption(kind)
            if (choices) await page.getByLabel('选项').fill(choices)
            await saved(page, '新建属性')
        }
        await define('鞋码', 'integer')
        await define('预算', 'money')
        await define('肤质', 'choice', '干性\n油性\n')
        await define('喜欢', 'choices', '茶具\n香氛')
        await define('纪念日', 'date')
        await define('昵称', 'text')
        assert.equal(await page.locator('ol li').count(), 6)
        await page.getByRole('button', { name: '上移「肤质」' }).focus()
        await page.keyboard.press('Enter')
        await page.waitForFunction(() => document.querySelectorAll('ol li strong')[1].textContent === '肤质')
        await page.getByRole('button', { name: '编辑 肤质' }).click()
        await page.getByText('已有：干性、油性').waitFor()
        await page.getByLabel('增加选项').fill('混合')
        await saved(page, '修改属性')
        await page.getByRole('button', { name: '新建属性' }).click()
        await page.getByLabel('显示名称').fill('鞋码')
        await dialogOf(page, '新建属性').getByRole('button', { name: '保存' }).click()
        await page.getByRole('alert').filter({ hasText: '已有同名的属性' }).waitFor()

        await open(page)
        const edit = async (title, fill) => {
            await page.getByRole('button', { name: `修改${title}` }).click()
            await fill()
            await page.getByRole('button', { name: `修改${title}` }).waitFor()
        }
        await page.getByRole('button', { name: '修改鞋码' }).click()
        await page.getByLabel('鞋码').fill('三八')
        await page.keyboard.press('Enter')
        await page.getByText('请填整数。').waitFor()
        await page.getByLabel('鞋码').fill('38')
        await page.keyboard.press('Enter')
        await page.getByRole('button', { name: '修改鞋码' }).waitFor()
        await edit('预算', async () => {
            await page.getByLabel('预算').fill('12800.5')
            await page.keyboard.press('Enter')
        })
        await edit('肤质', async () => {
            await page.getByLabel('肤质').selectOption('混合')
            await page.getByRole('button', { name: '保存' }).click()
        })
        await edit('喜欢', async () => {
            await page.getByLabel('香氛').check()
            await page.getByRole('button', { name: '保存' }).click()
        })
        await edit('纪念日', async () => {
            await page.getByLabel('纪念日').fill('2020-02-29')
            await page.getByRole('button', { name: '保存' }).click()
        })
        await page.getByText('¥12,800.50').waitFor()
        await page.getByRole('button', { name: '修改昵称' }).click()
        await page.getByLabel('昵称').fill('不保存')
        await page.keyboard.press('Escape')
        await page.getByRole('button', { name: '修改昵称' }).waitFor()
        assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), '修改昵称')
        const values = Object.fromEntries((await card()).attributes.map(({ title, value }) => [title, value]))
        assert.deepEqual(values, { 鞋码: 38, 肤质: '混合', 预算: 1280050, 喜欢: ['香氛'], 纪念日: '2020-02-29', 昵称: null })
        await edit('鞋码', async () => {
            await page.getByLabel('鞋码').fill('')
            await page.keyboard.press('Enter')
        })
        assert.equal((await card()).attributes.find(({ title }) => title === '鞋码').value, null)
    })
})

test('tags: groups, one only, thickness, another name, deleted with a word first', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/tags`)
        await page.getByRole('button', { name: '新建分组 身份' }).click()
        await page.getByLabel('分组名称').fill('家庭')
        await saved(page, '新建分组')
        for (const name of ['已婚', '单身']) {
            await page.getByRole('button', { name: '新建标签 家庭' }).click()
            await page.getByLabel('标签名').fill(name)
            assert.equal(await page.getByLabel('分组', { exact: true }).evaluate((select) => select.selectedOptions[0].text), '家庭')
            await saved(page, '新建标签')
        }
        await assertAccessible(page, 'tags')

        await open(page)
        await page.getByText('身份标签厚度').waitFor()
        await page.getByLabel('添加标签').selectOption({ label: '单身' })
        await page.getByRole('button', { name: '移除标签「单身」' }).waitFor()
        await page.getByTitle('1 组中已知 1 组').waitFor()
        await page.getByLabel('添加标签').selectOption({ label: '已婚' })
        await page.getByRole('button', { name: '移除标签「已婚」' }).waitFor()
        await page.getByRole('button', { name: '移除标签「单身」' }).waitFor({ state: 'detached' })
        await page.reload()
        await page.getByRole('button', { name: '移除标签「已婚」' }).waitFor()
        assert.equal(await page.getByRole('button', { name: '移除标签「单身」' }).count(), 0)

        await page.goto(`${server.url}/settings/tags`)
        await page.getByRole('button', { name: '修改标签「单身」' }).click()
        await page.getByLabel('标签名').fill('已婚')
        await dialogOf(page, '修改标签').getByRole('button', { name: '保存' }).click()
        await page.getByRole('alert').filter({ hasText: '这个类别里已有同名标签' }).waitFor()
        await page.getByLabel('标签名').fill('未婚')
        await saved(page, '修改标签')
        await page.getByRole('button', { name: '删除标签「已婚」' }).click()
        await page.getByText('有 1 位客户会失去这个标签，不能恢复。').waitFor()
        await dialogOf(page, '删除标签「已婚」').getByRole('button', { name: '删除标签' }).click()
        await page.getByRole('button', { name: '删除标签「已婚」' }).waitFor({ state: 'detached' })
        await page.getByRole('button', { name: '解散 家庭' }).click()
        await page.getByText('家庭', { exact: true }).waitFor({ state: 'detached' })
        await page.getByText('未婚').waitFor()
    })
})

test('birthday and children give the life stage', async () => {
    await withPage(server, {}, async (page) => {
        await open(page)
        await page.getByText('添加孩子的生日后，会算出生命阶段。').waitFor()
        await page.getByRole('button', { name: '编辑 本人生日' }).click()
        await page.getByLabel('出生日期').fill('1992-02-29')
        await saved(page, '本人生日')
        await page.getByText('1992-02-29').waitFor()
        const child = async (date, name) => {
            await page.getByRole('button', { name: '添加孩子' }).click()
            await page.getByLabel('出生日期或预产期').fill(date)
            if (name) await page.getByLabel('称呼').fill(name)
            await saved(page, '添加孩子')
        }
        await child('2015-01-31', '小明')
        await page.getByTitle('生命阶段').filter({ hasText: '6 岁以上' }).waitFor()
        const soon = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10)
        await child(soon)
        await page.getByTitle('生命阶段').filter({ hasText: '备孕/孕期' }).waitFor()
        await page.getByRole('button', { name: `移除 ${soon}` }).click()
        await page.getByTitle('生命阶段').filter({ hasText: '6 岁以上' }).waitFor()
    })
})

test('owner, relation, note and blacklist, with what was before', async () => {
    await withPage(server, {}, async (page) => {
        await open(page)
        await page.getByText('还没有负责人').waitFor()
        await page.getByRole('button', { name: '更换负责人' }).click()
        const dialog = dialogOf(page, '更换负责人')
        await dialog.getByText('还没有人负责过。').waitFor()
        assert.ok(await dialog.getByRole('button', { name: '保存' }).isDisabled())
        await dialog.getByLabel('员工').selectOption({ label: '林安' })
        await dialog.getByLabel('原因').fill('首次分配')
        await saved(page, '更换负责人')
        await page.locator('.owner').filter({ hasText: '林安' }).waitFor()
        await page.getByRole('button', { name: '更换负责人' }).click()
        await dialog.getByText('首次分配').waitFor()
        await page.keyboard.press('Escape')

        await page.getByRole('button', { name: '添加关系' }).click()
        await page.getByLabel('备注名').fill('安安妈')
        await saved(page, '添加关系')
        await page.getByText('「安安妈」').waitFor()
        await page.getByRole('button', { name: '标为已断开 林安' }).click()
        await page.getByText('已断开', { exact: true }).waitFor()

        await page.getByRole('radio', { name: '备注' }).click()
        await page.getByText('还没有备注').waitFor()
        await page.getByLabel('写备注').fill('喜欢下午联系')
        await page.keyboard.press('Control+Enter')
        await page.locator('.text').filter({ hasText: '喜欢下午联系' }).waitFor()
        const note = page.locator('li').filter({ hasText: '喜欢下午联系' })
        await note.getByRole('button', { name: '编辑' }).click()
        await page.getByLabel('修改备注').fill('喜欢上午联系')
        await page.getByRole('button', { name: '保存' }).click()
        await page.locator('.text').filter({ hasText: '喜欢上午联系' }).waitFor()
        await assertAccessible(page, 'notes')
        await page.getByRole('button', { name: '删除', exact: true }).click()
        await page.getByRole('button', { name: '确定删除？再点一次' }).click()
        await page.getByText('还没有备注').waitFor()

        await page.getByRole('button', { name: '加入黑名单' }).click()
        await page.getByLabel('原因').fill('恶意退货')
        await dialogOf(page, '加入黑名单').getByRole('button', { name: '加入黑名单' }).click()
        await page.getByRole('status').filter({ hasText: '恶意退货' }).waitFor()
        await assertAccessible(page, 'blacklisted')
        await page.getByRole('button', { name: '移出黑名单' }).click()
        await page.getByLabel('原因').fill('误会')
        await dialogOf(page, '移出黑名单').getByRole('button', { name: '移出黑名单' }).click()
        await page.getByRole('status').waitFor({ state: 'detached' })
    })
})

test('the timeline by groups of kinds', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, 3)
        await page.getByRole('radio', { name: '交易' }).click()
        await page.getByText('浏览页面').waitFor({ state: 'detached' })
        await page.getByText('支付订单').first().waitFor()
        await page.getByRole('radio', { name: '标签' }).click()
        await page.getByText('这一类还没有动态').waitFor()
        await page.getByRole('radio', { name: '资料' }).click()
        await page.getByText('首次接触').nth(1).waitFor()
        assert.equal(await page.getByText('支付订单').count(), 0)
    })
})

test('two records become one, with a preview, and two again', async () => {
    await withPage(server, {}, async (page) => {
        await open(page, 20)
        await page.getByRole('button', { name: '合并客户' }).click()
        const dialog = dialogOf(page, '合并客户')
        await dialog.getByRole('textbox').fill('没有这个人')
        await dialog.getByText('没有找到其他客户').waitFor()
        await dialog.getByRole('textbox').fill('客户21')
        await dialog.getByRole('button', { name: /客户21/ }).click()
        await dialog.getByRole('row', { name: /姓名/ }).waitFor()
        await dialog.getByText('1 笔订单', { exact: false }).waitFor()
        await assertAccessible(page, 'merge preview')
        await dialog.getByRole('radio', { name: '上海' }).check()
        await dialog.getByRole('button', { name: '合并', exact: true }).click()
        await dialog.waitFor({ state: 'hidden' })
        await page.locator('dd').filter({ hasText: /^2$/ }).first().waitFor()
        assert.equal((await server.call('GET', `/api/customers/${base.ids.get(20)}`)).region, '上海')

        await page.goto(`${server.url}/customers/${base.ids.get(21)}`)
        await page.getByRole('heading', { name: '客户20' }).waitFor()
        await page.getByRole('radio', { name: '合并记录' }).click()
        await page.getByText('手工合并').waitFor()
        await page.getByRole('button', { name: '撤销合并' }).click()
        await dialogOf(page, '撤销合并').getByRole('button', { name: '撤销合并' }).click()
        await page.getByText('已撤销，两条记录已分开。').waitFor()
        assert.equal((await server.call('GET', `/api/customers/${base.ids.get(20)}`)).region, '浙江 杭州')
        assert.equal((await server.call('GET', `/api/customers/${base.ids.get(21)}`)).order_count, 1)
    })
})

test('likely duplicates: found by a job, compared, merged, or told apart', async () => {
    const twin = async (name, phone) => (await server.post('/api/customers', { name, phone })).id
    await twin('欧阳青禾', '18612340011')
    await twin('欧阳青禾', '13712340011')
    await twin('司马长风', '18612350021')
    await twin('司马长风', '13712350021')
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        await page.getByRole('link', { name: '可能重复的客户' }).click()
        await page.getByText('没有可能重复的客户').waitFor()
        await page.getByRole('button', { name: '重新查找' }).click()
        const pair = (name) => page.locator('.pair').filter({ hasText: name })
        await pair('欧阳青禾').waitFor()
        assert.equal(await pair('欧阳青禾').getByRole('link').count(), 2)
        await assertAccessible(page, 'duplicates')
        await pair('欧阳青禾').getByRole('button', { name: '比较并合并' }).click()
        const dialog = dialogOf(page, '合并客户')
        await dialog.getByRole('row', { name: /手机号/ }).waitFor()
        await dialog.getByRole('button', { name: '合并', exact: true }).click()
        await pair('欧阳青禾').waitFor({ state: 'detached' })
        await pair('司马长风').getByRole('button', { name: '不是同一个人' }).click()
        await pair('司马长风').getByRole('button', { name: '确定？以后不再提示' }).click()
        await pair('司马长风').waitFor({ state: 'detached' })
        await page.getByText('没有可能重复的客户').waitFor()
        await page.setViewportSize(PHONE)
        await assertFits(page, 'duplicates')
    })
})

const looks = [
    { locale: 'zh', theme: 'light', size: DESKTOP },
    { locale: 'en', theme: 'dark', size: PHONE },
]
for (const look of looks) {
    test(`every page fits and axe finds nothing: ${look.locale}, ${look.size.width} px`, async () => {
        await withPage(server, look, async (page) => {
            for (const [path, sign] of [[`/customers/${id}`, '.entry'], ['/settings/tags', 'h3'], ['/settings/attributes', 'ol li']]) {
                await page.goto(server.url + path)
                await page.locator(sign).first().waitFor()
                await page.locator('.bone').first().waitFor({ state: 'hidden' })
                await assertFits(page, path)
                await assertAccessible(page, path)
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|(profile|tagging|attribute|merging|relation)\.[a-z]/, path)
            }
        })
    })
}
