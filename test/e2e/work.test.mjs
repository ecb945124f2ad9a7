/* A working day: looking at the butterfly, finding people, tagging them, booking costs, changing rules. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADMIN, closeBrowser, openBrowser, openPage, PHONE, Server, withPage } from './harness.mjs'
import { COUNT, seed } from './seed.mjs'

let server, base
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    base = await seed(server)
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})
const rowsOf = (page) => page.locator('tbody tr')
const countOf = (page, count) => page.getByText(`${count} 人`, { exact: false }).first().waitFor()

test('the butterfly shows the counts, says what a part means, and opens the people behind it', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        const part = (name) => page.locator('svg[role=group] a').filter({ hasText: name })
        for (const [name, count] of [['触达', COUNT.reached], ['添加', COUNT.added], ['首单', COUNT.buyers], ['忠诚', COUNT.loyal], ['复购', COUNT.repeat], ['分享', COUNT.sharing]]) {
            assert.match(await part(name).textContent(), new RegExp(`${name}\\s*${count}\\b`))
        }
        await part('忠诚').hover()
        await page.getByRole('tooltip').filter({ hasText: '有 3 笔及以上有效订单' }).waitFor()
        await page.getByText('高度按人数的平方根').waitFor()
        await page.getByRole('radio', { name: '线性' }).click()
        await page.getByText('高度与人数成正比').waitFor()
        assert.match(page.url(), /scale=linear/)
        await part('复购').click()
        await page.waitForURL(/\/customers\?stage=repurchase/)
        await countOf(page, COUNT.repeat)
        assert.equal(await rowsOf(page).count(), COUNT.repeat)
    })
})

test('definitions are one click away and close with Escape', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        await page.getByRole('button', { name: '名词定义' }).click()
        const dialog = page.getByRole('dialog', { name: '名词定义' })
        await dialog.getByText('至少有 1 位新客是通过他来的').waitFor()
        await page.keyboard.press('Escape')
        await dialog.waitFor({ state: 'hidden' })
    })
})

test('period and channel stand in the address and survive a reload', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        await page.getByRole('radio', { name: '一年' }).click()
        await page.waitForURL(/period=365/)
        const channel = page.getByRole('combobox', { name: '渠道' })
        let release
        const held = new Promise((done) => (release = done))
        await page.route('**/api/channels*', async (route) => {
            await held
            await route.continue()
        })
        await page.reload() // somebody types before the channels are there
        await channel.click()
        await page.keyboard.type('门店')
        release()
        await page.getByRole('option', { name: '线下门店' }).waitFor()
        await page.keyboard.press('Enter')
        await page.waitForURL(new RegExp(`channel=${base.store}`))
        await page.locator('svg[role=group] a').filter({ hasText: /触达\s*20/ }).waitFor()
        await page.unroute('**/api/channels*')
        await page.reload()
        await page.locator('svg[role=group] a').filter({ hasText: /触达\s*20/ }).waitFor()
        assert.equal(await channel.inputValue(), '线下门店')
        await page.getByRole('radio', { name: '自定义' }).click()
        await page.getByLabel('开始日期').fill('2001-01-01')
        await page.getByLabel('结束日期').fill('2001-02-01')
        await page.getByText('这个范围里没有客户').waitFor()
        await page.getByRole('button', { name: '查看全部' }).click()
        await page.locator('svg[role=group] a').filter({ hasText: /触达\s*60/ }).waitFor()
    })
})

test('figures, months and cohorts are shown, the months as a table too', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        const orders = COUNT.buyers + COUNT.repeat + COUNT.loyal
        await page.getByText(`${orders} 笔有效订单`).waitFor()
        await page.getByText('¥487.50').first().waitFor()
        await page.getByRole('group', { name: '复购率' }).focus()
        await page.getByText(`${COUNT.repeat} ÷ ${COUNT.buyers}`).waitFor()
        await page.locator('.chart svg').waitFor()
        await page.getByRole('radio', { name: '表' }).click()
        await page.getByRole('columnheader', { name: '新客人数' }).waitFor()
        await page.getByRole('region', { name: '同期群留存' }).getByRole('link').first().click()
        await page.getByText(/首单月份 \d{4}-\d{2}/).waitFor()
    })
})

test('people are found by a part of their name or phone, filtered, sorted, read on', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        await page.getByText('已显示 50 / 60').waitFor()
        await page.getByRole('button', { name: '加载更多' }).click()
        await page.getByText('已显示 60 / 60').waitFor()
        assert.equal(await rowsOf(page).count(), 60)

        const search = page.getByPlaceholder('姓名、手机号的任意部分')
        await search.fill('户07')
        await page.waitForURL(/search=/)
        await page.getByText('已显示 1 / 1').waitFor()
        await search.fill('00012')
        await page.getByRole('link', { name: '客户12' }).waitFor()
        await page.getByText('已显示 1 / 1').waitFor()
        await search.fill('没有这个人')
        await page.getByText('没有符合条件的客户').waitFor()
        await page.getByRole('button', { name: '清除筛选' }).first().click()
        await page.getByText('已显示 50 / 60').waitFor()

        await page.getByLabel('购买状态').selectOption('lost')
        await page.getByText('已显示 9 / 9').waitFor()
        await page.getByLabel('购买状态').selectOption('')
        await page.getByLabel('排序').selectOption('paid')
        await page.waitForURL(/sort=paid/)
        await page.waitForFunction(() => document.querySelector('tbody .paid')?.textContent === '¥1,462.50')
    })
})

test('one customer: facts, a tag put on and taken off, timeline, orders with lines', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers?search=${encodeURIComponent('客户01')}`)
        await page.getByRole('link', { name: '客户01' }).click()
        await page.getByRole('heading', { name: '客户01' }).waitFor()
        await page.getByText('139****0001').first().waitFor()
        await page.getByRole('button', { name: '显示' }).click()
        await page.getByText('13900000001').first().waitFor()
        await page.getByRole('button', { name: '隐藏' }).click()
        await page.getByText('139****0001').first().waitFor()
        await page.getByLabel('添加标签').selectOption({ label: '高意向' })
        const remove = page.getByRole('button', { name: '移除标签「高意向」' })
        await remove.waitFor()
        await page.reload()
        await remove.click()
        await page.getByText('还没有标签').waitFor()

        await page.getByLabel('添加标签').selectOption({ label: '新建标签…' })
        await page.getByLabel('标签名').fill('老朋友')
        await page.getByRole('button', { name: '保存' }).click()
        await page.getByRole('button', { name: '移除标签「老朋友」' }).waitFor()

        await page.locator('.entry').getByText('https://shop.example/linen').waitFor()
        await page.getByRole('radio', { name: '订单' }).click()
        await page.getByRole('button', { name: /A1-3/ }).click()
        await page.getByText('亚麻衬衫').waitFor()
        await page.getByRole('cell', { name: '¥398.00' }).waitFor()
    })
})

test('a customer is added once; the same phone leads to the one that exists', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers`)
        for (const isAgain of [false, true]) {
            await page.getByRole('button', { name: '添加客户' }).click()
            const dialog = page.getByRole('dialog', { name: '添加客户' })
            await dialog.getByLabel('姓名').fill('新来的')
            await dialog.getByLabel('手机号').fill('13700001111')
            await dialog.getByRole('button', { name: '保存' }).click()
            if (!isAgain) {
                await page.getByRole('heading', { name: '新来的' }).waitFor()
                await page.getByRole('button', { name: '编辑', exact: true }).click()
                await page.getByLabel('地区').fill('成都')
                await page.getByLabel('标记为家人').check()
                await page.getByRole('button', { name: '保存' }).click()
                await page.getByText('成都').waitFor()
                await page.getByText('家人', { exact: true }).waitFor()
                await page.goto(`${server.url}/customers`)
            } else {
                await dialog.getByRole('link', { name: '打开已有客户' }).click()
                await page.getByRole('heading', { name: '新来的' }).waitFor()
            }
        }
    })
})

test('a channel is added, moved, archived; a cost is booked and changes CAC and ROI', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/channels`)
        const row = (name) => rowsOf(page).filter({ has: page.getByRole('link', { name, exact: true }) })
        await row('广告投放').getByText('¥3,000').waitFor() // the branch has its child's cost
        await row('朋友圈广告').getByText('¥75.00').waitFor() // 3,000 / 40 customers
        await row('朋友圈广告').getByRole('button', { name: /花费/ }).click()
        const costs = page.getByRole('dialog', { name: '「朋友圈广告」的花费' })
        await costs.getByText('首批投放').waitFor()
        await costs.getByRole('textbox', { name: /金额/ }).fill('12.345')
        await costs.getByRole('button', { name: '记一笔' }).click()
        await costs.getByText('最多 2 位小数').waitFor()
        await costs.getByRole('textbox', { name: /金额/ }).fill('1,000.00')
        await costs.getByLabel('备注').fill('第二批')
        await costs.getByRole('button', { name: '记一笔' }).click()
        await costs.getByText('第二批').waitFor()
        await page.keyboard.press('Escape')
        await row('朋友圈广告').getByText('¥100.00').waitFor()

        await page.getByRole('button', { name: '添加渠道' }).click()
        await page.getByRole('textbox', { name: '名称' }).fill('快闪店')
        await page.getByLabel('代码').fill('popup')
        await page.getByLabel('类型').selectOption('store')
        await page.getByRole('button', { name: '保存' }).click()
        await row('快闪店').getByRole('button', { name: /编辑/ }).click()
        const edit = page.getByRole('dialog', { name: '编辑渠道' })
        await edit.getByRole('combobox', { name: '上级渠道' }).click()
        await edit.getByRole('option', { name: '线下门店' }).click()
        await edit.getByRole('button', { name: '保存' }).click()
        await edit.waitFor({ state: 'hidden' })
        await page.getByRole('button', { name: '展开或收起「线下门店」' }).click()
        await row('快闪店').waitFor({ state: 'hidden' })
        await page.getByRole('button', { name: '展开或收起「线下门店」' }).click()
        await row('快闪店').getByRole('button', { name: /编辑/ }).click()
        await page.getByLabel('归档').check()
        await page.getByRole('button', { name: '保存' }).click()
        await page.getByText('显示 1 个已归档渠道').click()
        await row('快闪店').getByText('已归档').waitFor()
    })
})

test('a rule is changed; what somebody else changed meanwhile is not overwritten', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings`)
        const row = page.locator('li').filter({ has: page.locator('#setting-sleep_after_days') })
        const days = page.locator('#setting-sleep_after_days')
        await days.fill('0')
        await row.getByRole('alert').filter({ hasText: '之间的整数' }).waitFor()
        await days.fill('80')
        assert.ok(await row.getByRole('button', { name: '保存' }).isDisabled(), 'a reason is needed')
        await row.getByLabel('为什么改').fill('旺季回头更快')
        await row.getByRole('button', { name: '保存' }).click()
        await row.getByText('已保存').waitFor()
        await row.getByRole('button', { name: '改过 1 次' }).click()
        await row.getByText('旺季回头更快').waitFor()
        await row.getByText('默认值').waitFor()

        const other = await openPage(server)
        await other.goto(`${server.url}/settings`)
        await other.locator('#setting-sleep_after_days').waitFor()
        let isCut = true // until it saves: else it would learn of the change by itself, while it is typing
        await other.route('**/api/settings', (route) => {
            isCut &&= route.request().method() === 'GET'
            return isCut ? route.abort() : route.continue()
        })
        await days.fill('70')
        await row.getByLabel('为什么改').fill('再快一点')
        await row.getByRole('button', { name: '保存' }).click()
        await row.getByText('已保存').waitFor()
        await other.locator('#setting-sleep_after_days').fill('60')
        await other.getByLabel('为什么改').fill('我也要改')
        await other.getByRole('button', { name: '保存' }).click()
        const outcome = other.locator('li').filter({ has: other.locator('#setting-sleep_after_days') })
        await outcome.getByRole('alert').filter({ hasText: '别人刚刚改过' }).waitFor()
        await other.waitForFunction(() => document.querySelector('#setting-sleep_after_days')?.value === '70')
        await other.context().close()
    })
})

test('a write key is made, shown how to use, stopped', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/keys`)
        const keys = page.locator('#keys')
        await keys.getByRole('textbox').fill('官网')
        await keys.getByRole('button', { name: '新建密钥' }).click()
        await keys.getByText(`${server.url}/papilio.js`).waitFor()
        const key = await keys.locator('li code').first().textContent()
        const send = () =>
            fetch(`${server.url}/api/v1/events`, {
                method: 'POST',
                headers: { 'X-Write-Key': key, 'Content-Type': 'application/json' },
                body: JSON.stringify({ message_id: String(Math.random()), kind: 'page_viewed', anonymous_id: 'v1' }),
            })
        assert.equal((await send()).status, 200)
        await keys.getByRole('button', { name: '停用' }).click()
        await keys.getByText('已停用').waitFor()
        assert.equal((await send()).status, 401)
    })
})

test('one reaches and uses everything with the keyboard alone', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        await page.getByRole('heading', { name: '总览' }).waitFor()
        await page.locator('svg[role=group] a').first().waitFor()
        const focused = () =>
            page.evaluate(() => {
                const { activeElement: at } = document
                const outline = getComputedStyle(at).outlineStyle !== 'none' || at.matches('input, svg a, .skip')
                return { text: (at.textContent || at.getAttribute('aria-label') || at.value || '').trim().slice(0, 40), outline }
            })
        await page.keyboard.press('Tab')
        assert.equal((await focused()).text, '跳到内容')
        const seen = []
        for (let i = 0; i < 18; i++) {
            await page.keyboard.press('Tab')
            const at = await focused()
            assert.ok(at.outline, `no visible focus on ${at.text}`)
            seen.push(at.text)
        }
        for (const wanted of ['客户', '渠道', '设置', '名词定义', '触达']) {
            assert.ok(seen.some((text) => text.includes(wanted)), `${wanted} is not reached: ${seen}`)
        }
        await page.locator('svg[role=group] a').nth(4).focus()
        await page.getByRole('tooltip').waitFor()
        await page.keyboard.press('Enter')
        await page.waitForURL(/stage=loyal/)
        await page.getByText(`已显示 ${COUNT.loyal + 1} /`).waitFor() // and the one marked as family above
    })
})

test('on a phone: the bar at the bottom, cards, filters behind a button', async () => {
    await withPage(server, { size: PHONE }, async (page) => {
        await page.goto(server.url)
        await page.locator('svg[role=group] a').filter({ hasText: '触达' }).waitFor()
        await page.getByRole('navigation').getByRole('link', { name: '客户' }).click()
        await page.getByRole('heading', { name: '客户' }).waitFor()
        assert.ok(!(await page.getByLabel('购买状态').isVisible()))
        await page.getByRole('button', { name: '筛选' }).click()
        await page.getByLabel('购买状态').selectOption('repeat')
        await page.waitForURL(/state=repeat/)
        await rowsOf(page).first().click()
        await page.getByRole('link', { name: '客户' }).first().waitFor()
        await page.waitForURL(/customers\/\d+/)
    })
})

test('a changed password ends the other sessions and leads them to the login', async () => {
    const other = await openPage(server)
    await other.goto(`${server.url}/channels`)
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/settings/me`)
        await page.getByLabel('现在的密码').fill('wrong wrong wrong')
        await page.getByLabel('新密码').fill('another horse 8')
        await page.getByRole('button', { name: '修改密码' }).click()
        await page.getByText('现在的密码不对').waitFor()
        await page.getByLabel('现在的密码').fill(ADMIN.password)
        await page.getByRole('button', { name: '修改密码' }).click()
        await page.getByText('密码已修改').waitFor()
        await page.goto(`${server.url}/channels`)
        await page.getByRole('heading', { name: '渠道' }).waitFor()
    })
    await other.getByRole('navigation').getByRole('link', { name: '客户' }).click()
    await other.waitForURL(/\/login\?next=/)
    await other.context().close()
})
