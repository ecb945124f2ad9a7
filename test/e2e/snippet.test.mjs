/* The browser snippet on a page of another site: what a visitor does there arrives as events. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { nap, until } from '../api/papilio.mjs'
import { closeBrowser, openBrowser, Server } from './harness.mjs'

let server, browser, site, key
const pages = () => `<!doctype html><title>A shop</title><h1>Shop</h1>
    <a id="out" href="https://elsewhere.example/x?phone=13800138000">out</a>
    <a id="in" href="/inside">in</a> <button id="marked" data-papilio="buy now">buy</button>
    <script src="${server.url}/papilio.js" data-key="${key}" defer></script>`

before(async () => {
    browser = await openBrowser()
    server = await (await new Server().start()).setUp()
    key = (await server.post('/api/write-keys', { name: 'shop' })).key_text
    await server.post('/api/channels', { code: 'may', name: 'May', kind: 'ad' })
    site = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html')
        response.end(pages())
    })
    await new Promise((done) => site.listen(0, '127.0.0.1', done))
    site.url = `http://127.0.0.1:${site.address().port}`
})
after(async () => {
    await closeBrowser()
    site?.close()
    await server?.stop()
})

/* A visitor's window; `isRobot` as a driven browser says of itself. */
async function visit(isRobot, work) {
    const context = await browser.newContext()
    const faults = []
    if (!isRobot)
        await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false }))
    const page = await context.newPage()
    page.on('pageerror', (error) => faults.push(String(error)))
    try {
        await work(page)
        await page.evaluate(() => window.papilio?.flush())
        await page.goto('about:blank')
    } finally {
        await context.close()
    }
    assert.deepEqual(faults, [])
}

/* Once as many events as wanted have arrived, the timeline of the one customer found. */
const timeline = (search, count) =>
    until(async () => {
        const { items } = await server.call('GET', `/api/customers?${search}`)
        if (items.length === 0) return
        const all = (await server.call('GET', `/api/customers/${items[0].id}/timeline`)).items.reverse()
        return all.length >= count && all
    }, 'the events did not arrive')

test('views, clicks and a name', async () => {
    await visit(false, async (page) => {
        await page.goto(`${site.url}/first?ch=may&phone=13800138000`)
        await page.locator('#marked').click()
        await page.evaluate(() => document.getElementById('out').addEventListener('click', (event) => event.preventDefault()))
        await page.locator('#out').click()
        await page.evaluate(() => history.pushState({}, '', '/second'))
        await page.evaluate(() => new Promise((done) => setTimeout(done))) // its look at the address comes before
        await page.evaluate(() => {
            window.papilio.identify('member_no', 'A17')
            window.papilio.track('form_submitted', { code: 'lead' })
        })
    })
    const all = await timeline('search=A17', 6)
    assert.deepEqual(
        // customer_edited too, where the visitor had arrived before the name did
        all.map((event) => event.kind).filter((kind) => kind !== 'customer_edited').sort(),
        ['customer_added', 'form_submitted', 'link_clicked', 'link_clicked', 'page_viewed', 'page_viewed'],
    )
    const of = (kind) => all.filter((event) => event.kind === kind)
    assert.deepEqual(
        of('page_viewed').map((event) => event.properties.url),
        [`${site.url}/first`, `${site.url}/second`],
    )
    assert.deepEqual(
        of('link_clicked').map((event) => [event.properties.url, event.properties.label]),
        [
            [`${site.url}/first`, 'buy now'],
            ['https://elsewhere.example/x', 'elsewhere.example'],
        ],
    )
    assert.equal(of('page_viewed')[0].channel_name, 'May')
    assert.ok(!JSON.stringify(all).includes('13800138000'))
})

test('a visitor who comes back is the same one; a robot is none', async () => {
    const count = async () => (await server.call('GET', '/api/customers')).total_count
    const before = await count()
    await visit(false, async (page) => {
        await page.goto(`${site.url}/once`)
        await page.evaluate(() => window.papilio.flush())
        await page.goto(`${site.url}/twice`)
    })
    await until(async () => (await count()) > before, 'the visitor did not arrive')
    assert.equal(await count(), before + 1)
    await visit(true, async (page) => {
        await page.goto(`${site.url}/robot`)
        assert.equal(await page.evaluate(() => typeof window.papilio), 'undefined')
    })
    await nap(300)
    assert.equal(await count(), before + 1)
})
