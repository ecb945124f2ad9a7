/* The generated brand: every page has a story, and every number that can be opened holds as many people as it says. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'

let server
before(
    async () => {
        await openBrowser()
        server = await new Server().start('demo')
        const [, login, password] = /login: (\S+)\s+password: (\S+)/.exec(server.said)
        await server.post('/api/login', { login, password })
    },
    { timeout: 1_200_000 },
)
after(async () => {
    await closeBrowser()
    await server?.stop()
})

test('the overview says it is generated, and no part of it is empty', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        await page.getByText('演示数据，由程序生成').waitFor()
        await page.locator('svg[role=group] a').nth(7).waitFor()
        assert.equal(await page.locator('svg[role=group] .empty').count(), 0)
        await page.locator('.chart svg').waitFor()
        assert.equal(await page.getByText('还没有').count(), 0)
        await assertAccessible(page, 'the demo overview')
    })
})

test('each part of the butterfly and each purchase state opens as many customers as it counts', async () => {
    for (const scope of ['', '?period=90']) {
        await withPage(server, {}, async (page) => {
            await page.goto(`${server.url}/${scope}`)
            await page.locator('svg[role=group] a').nth(7).waitFor()
            const links = await page.locator('svg[role=group] a, .states a').evaluateAll((all) =>
                all.map((link) => {
                    const words = link.querySelector('.count').textContent
                    return { href: link.getAttribute('href'), count: Number(words.replace(/,/g, '')) }
                }),
            )
            assert.equal(links.length, 13)
            for (const { href, count } of links) {
                await page.goto(server.url + href)
                await page.getByText(`${count.toLocaleString('en')} 人`).waitFor()
            }
        })
    }
})

test('a cohort opens its customers', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(server.url)
        const row = page.getByRole('region', { name: '同期群留存' }).locator('tbody tr').nth(2)
        const size = await row.locator('td').first().textContent()
        await row.getByRole('link').click()
        await page.getByText(`${size.trim()} 人`).waitFor()
    })
})

test('a loyal customer has a timeline with pages to read on, and orders', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/customers?sort=orders`)
        await page.locator('tbody tr a').first().click()
        await page.locator('.entry').first().waitFor()
        const before = await page.locator('.entry').count()
        await page.getByRole('button', { name: '加载更多' }).click()
        await page.waitForFunction((count) => document.querySelectorAll('.entry').length > count, before)
        await page.getByRole('radio', { name: '订单' }).click()
        await page.locator('button[aria-controls^=order]').first().click()
        await page.getByRole('columnheader', { name: '商品' }).waitFor()
    })
})

test('channels have costs and returns; the imports are listed', async () => {
    await withPage(server, {}, async (page) => {
        await page.goto(`${server.url}/channels`)
        await page.locator('tfoot').getByText(/×\d/).waitFor()
        await page.goto(`${server.url}/imports`)
        await page.getByText('orders.csv').waitFor()
        assert.equal(await page.locator('#imports tbody tr').count(), 4)
    })
})
