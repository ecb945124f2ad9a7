/* 分析: questions that are asked as they are edited, and every number that is a link counts just the customers it opens. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { assertAccessible, assertFits, closeBrowser, openBrowser, PHONE, Server, withPage } from './harness.mjs'
import { COUNT, seed } from './seed.mjs'

const ASKS = ['funnel', 'retention', 'paths', 'flow', 'trend', 'breakdown', 'rfm', 'interval']
const DAY_S = 86_400
const PAID = { kind: 'order_paid' }
let server
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    await seed(server)
    await browse()
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

/* Twenty look, ten of them put something into the cart ten minutes later, five of those read in between. */
async function browse() {
    const start = Date.now() - 3 * DAY_S * 1000
    const event = (kind, n, minutes, properties) => ({
        message_id: `${kind}-${n}-${minutes}`,
        kind,
        occurred_ms: start + minutes * 60_000,
        customer: { kind: 'phone', value: `139000${String(n).padStart(5, '0')}` },
        properties,
    })
    const one = (n) => n + 1
    const product = (n) => ({ product_code: `SKU-${1 + (n % 3)}` })
    const events = [
        ...Array.from({ length: 20 }, (_, i) => event('product_viewed', one(i), 0, product(i))),
        ...Array.from({ length: 10 }, (_, i) => event('added_to_cart', one(i), 10, { ...product(i), price_fen: 19900, quantity_count: 1 })),
        ...Array.from({ length: 5 }, (_, i) => event('content_viewed', one(i), 5, { content_code: 'C-1' })),
    ]
    const { rejected } = await server.post('/api/v1/events', { events })
    assert.deepEqual(rejected, [])
}

const address = (ask, question) => `/analysis/${ask}${question ? `?q=${encodeURIComponent(JSON.stringify({ ask, ...question }))}` : ''}`
const at = (page, path) => page.goto(server.url + path)
const figure = (text) => Number(text.replace(/\D/g, ''))
const ask = (query) => server.post('/api/audience/query', { query: { version: 1, ...query } })
const whoOf = (href) => JSON.parse(new URL(href, server.url).searchParams.get('who'))
const countOf = async (who) => (await server.post('/api/audience/count', { query: { version: 1, ask: 'segment', who } })).member_count

async function cells(page) {
    await page.locator('.cell').first().waitFor()
    for (const radio of await page.getByRole('radio', { name: '人数', exact: true }).all()) await radio.check({ force: true })
    const all = await page.locator('a.cell').evaluateAll((found) => found.map((cell) => [cell.textContent.trim(), cell.getAttribute('href')]))
    return all.filter(([text]) => /\d/.test(text))
}

const FUNNEL = { steps: [{ kind: 'product_viewed' }, { kind: 'added_to_cart' }], within_seconds: DAY_S }
const BUYERS = { did: PAID }
const LAST = (units, count) => ({ units, count, current: true })
/* [ask, question, how many links there are at least]. */
const QUESTIONS = [
    ['funnel', { funnel: FUNNEL }, 3],
    ['funnel', { funnel: FUNNEL, who: BUYERS }, 3],
    ['funnel', { funnel: { ...FUNNEL, order: 'strict' } }, 3],
    ['funnel', { funnel: { ...FUNNEL, order: 'any', steps: [...FUNNEL.steps, PAID], within_seconds: 400 * DAY_S } }, 5],
    ['funnel', { funnel: { ...FUNNEL, exclude: [{ events: { kind: 'content_viewed' }, after: 1 }] } }, 3],
    ['funnel', { funnel: { ...FUNNEL, steps: [PAID, PAID], within_seconds: 90 * DAY_S }, by: { attribute: 'region' } }, 4],
    ['retention', { start: PAID, back: PAID, units: 'month', count: 8, cohort: 'first' }, 44],
    ['retention', { start: PAID, back: PAID, units: 'month', count: 8, cohort: 'every', or_after: true, who: BUYERS }, 44],
    ['retention', { start: { kind: 'product_viewed', within: { last: { days: 5 } } }, back: PAID, units: 'week', count: 3, cohort: 'every' }, 2],
    ['trend', { events: { ...PAID, within: LAST('month', 12) }, units: 'month', of: 'amount' }, 4],
    ['trend', { events: { ...PAID, within: { last: { days: 100 } } }, units: 'week', by: { attribute: 'region' } }, 3],
    ['trend', { events: { within: LAST('day', 10) }, units: 'day', by: 'kind' }, 4],
    ['breakdown', { events: {}, by: 'kind', limit: 3 }, 3],
    ['breakdown', { events: PAID, by: { attribute: 'channel' }, of: 'amount', who: BUYERS }, 2],
    ['breakdown', { events: { kind: 'product_viewed' }, by: { property: 'product_code' } }, 3],
    ['breakdown', { events: {}, by: 'channel' }, 1],
    ['rfm', { events: PAID, of: 'amount' }, 4],
    /* No condition over events says these: the cell itself is asked again. */
    ['funnel', { funnel: FUNNEL, by: { property: 'product_code' } }, 6],
    ['retention', { start: { ...PAID, within: { last: { days: 150 } } }, back: PAID, units: 'month', count: 6, cohort: 'first' }, 10],
    ['trend', { events: { within: LAST('day', 10) }, units: 'day', by: 'channel' }, 2],
    ['breakdown', { events: PAID, by: 'day', limit: 2 }, 2],
    ['rfm', { events: PAID, of: 'amount', who: { attribute: 'region', is: '上海' } }, 4],
    ['flow', { within: { last: { days: 30 } } }, 8],
]

test('every cell that is a link counts the customers it opens', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        for (const [name, question, least] of QUESTIONS) {
            await at(page, address(name, question))
            const links = await cells(page)
            assert.ok(links.length >= least, `${name} ${JSON.stringify(question)} has ${links.length} links`)
            const counts = []
            for (const [, href] of links) counts.push(await countOf(whoOf(href))) // one after the other: too many at once are refused
            assert.deepEqual(counts, links.map(([text]) => figure(text)), `${name} ${JSON.stringify(question)}`)
        }
    })
})

test('a path and an interval open those who went that way', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        const kinds = ['product_viewed', 'content_viewed', 'added_to_cart']
        await at(page, address('paths', { events: { kind: kinds }, by: 'kind', gap_seconds: 1800, steps: 4 }))
        await page.getByRole('rowheader', { name: '浏览商品 → 加入购物车' }).waitFor()
        const rows = await page.locator('tbody tr').evaluateAll((all) => all.map((row) => [row.querySelector('th').textContent.replace(/\s+/g, ''), row.querySelector('td.num').textContent, row.querySelector('a').getAttribute('href')]))
        /* Each went there once, so times and people are the same number. */
        for (const [name, times, href] of rows) assert.equal(await countOf(whoOf(href)), figure(times), name)
        assert.deepEqual(rows.map(([name, times]) => [name, times]).sort(), [['浏览商品→加入购物车', '5'], ['浏览商品→阅读内容', '5'], ['阅读内容→加入购物车', '5']].sort())
        await at(page, address('paths', { events: { kind: kinds }, by: 'kind', gap_seconds: 360, steps: 4 }))
        await page.getByRole('rowheader', { name: '阅读内容 → 加入购物车' }).waitFor()
        assert.equal(await page.locator('tbody tr').count(), 2) // ten minutes are another session

        await at(page, address('interval', { events: PAID, pairs: 'all' }))
        const months = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: '60 天', exact: true }) })
        await months.getByRole('link').waitFor()
        const who = whoOf(await months.getByRole('link').getAttribute('href'))
        assert.equal(await countOf(who), COUNT.loyal) // 60 and 5 days ago; 120 and 60 days are not within 60
        await at(page, address('interval', { events: PAID, pairs: 'first' }))
        await months.getByRole('link').waitFor()
        assert.equal(await countOf(whoOf(await page.getByRole('row').filter({ hasText: '180 天' }).getByRole('link').getAttribute('href'))), COUNT.repeat)
        assert.equal(await countOf(whoOf(await months.getByRole('link').getAttribute('href'))), 0) // 120 days ago and 60: not before the 60th
        const bar = page.locator('a.bin[title$=" 12"]')
        assert.equal(await countOf(whoOf(await bar.getAttribute('href'))), COUNT.repeat)
    })
})

test('a ribbon opens who went that way, and as a condition it says what it is', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        for (const [name, question] of [['flow', { within: { last: { days: 30 } } }], ['paths', { events: { kind: ['product_viewed', 'added_to_cart'] }, by: 'kind', gap_seconds: 1800, steps: 2 }]]) {
            await at(page, address(name, question))
            await page.locator('a.way').first().waitFor({ state: 'attached' }) // a level ribbon has no height
            const ways = await page.locator('a.way').evaluateAll((all) => all.map((way) => [way.getAttribute('aria-label'), way.getAttribute('href')]))
            for (const [label, href] of ways) assert.equal(await countOf(whoOf(href)), Number(/ ([\d,]+)$/.exec(label)[1].replace(',', '')), label)
        }
        await page.locator('a.way').first().focus()
        await page.keyboard.press('Enter')
        await page.getByText('路径分析（浏览商品、加入购物车）里第 1 步、从 浏览商品 、到 加入购物车 的客户').waitFor()
        await page.getByRole('link', { name: '存为人群' }).click()
        await page.getByText('实时人群每天零点重算一次').waitFor()
        await page.getByRole('link', { name: '打开这个分析' }).click()
        await page.locator('a.way').first().waitFor({ state: 'attached' }) // a level ribbon has no height
    })
})

test('the pages say what the answer is, over how many events and how fast', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await at(page, '/')
        await page.getByRole('link', { name: '分析', exact: true }).click()
        await page.getByText(/[\d,]+ 个事件，用时 [\d.,]+ 毫秒/).waitFor()
        await page.getByRole('button', { name: '首购 → 二购 → 三购' }).click()
        await page.waitForFunction((count) => document.querySelector('.bars .people')?.textContent === String(count), COUNT.buyers)
        assert.deepEqual(await page.locator('.bars .people').allTextContents(), ['30', '12', '0'])
        const { rows } = await ask({ ask: 'funnel', funnel: { steps: [PAID, PAID, PAID], within_seconds: 90 * DAY_S } })
        assert.deepEqual(rows.slice(1).map((row) => row[1]), [30, 12, 0])
        /* All orders may be as far apart as they like: five come a third time. */
        await page.getByRole('textbox', { name: '完成期限' }).fill('365')
        await page.waitForFunction((count) => document.querySelectorAll('.bars .people')[2]?.textContent === String(count), COUNT.loyal)
        const shared = page.url()
        await page.getByRole('button', { name: '去掉第 3 步' }).click()
        await page.waitForFunction(() => document.querySelectorAll('.bars .people').length === 2)
        await at(page, shared.slice(server.url.length))
        await page.waitForFunction((count) => document.querySelectorAll('.bars .people')[2]?.textContent === String(count), COUNT.loyal)
    })
})

test('a number opens its customers in the list', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await at(page, '/analysis/retention')
        const cell = page.locator('td.size a').filter({ hasNotText: /^0$/ }).first()
        const count = (await cell.textContent()).trim()
        await cell.click()
        await page.waitForURL(/\/customers\?who=/)
        await page.getByText(`${count} 人`, { exact: true }).waitFor()
        await page.goBack()
        await page.locator('td.size a').first().waitFor()
    })
})

test('whom it is about is edited as conditions, and half of one is not asked', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await at(page, address('breakdown', { events: PAID, by: 'kind', who: { did: PAID, at_least: 2 } }))
        await page.getByRole('cell', { name: String(COUNT.repeat), exact: true }).waitFor()
        await page.getByRole('button', { name: /^范围/ }).click()
        const dialog = page.getByRole('dialog', { name: '范围' })
        await dialog.getByRole('textbox').first().fill('3')
        await dialog.getByRole('button', { name: '完成' }).click()
        await page.getByRole('cell', { name: String(COUNT.loyal), exact: true }).waitFor()
        await page.getByRole('button', { name: '改为所有客户' }).click()
        await page.getByRole('cell', { name: String(COUNT.buyers), exact: true }).waitFor()
    })
})

test('a flow between own stages: named, ordered and defined as conditions', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await at(page, '/analysis/flow')
        await page.getByText('认知 → 兴趣 → 购买 → 忠诚').waitFor()
        await page.getByRole('button', { name: '自定义' }).click()
        assert.equal(await page.locator('.numbered .who').count(), 4)
        for (const name of ['认知', '兴趣', '忠诚']) await page.getByRole('button', { name: `去掉「${name}」` }).click()
        const now = (name) => page.locator('.cards div').filter({ hasText: name }).locator('strong')
        await now('购买').getByText(String(COUNT.buyers), { exact: true }).waitFor()
        await page.getByRole('button', { name: '添加阶段' }).click()
        await page.getByRole('textbox', { name: '第 2 个阶段的名称' }).fill('老客')
        await page.getByRole('button', { name: /^老客 / }).click()
        const dialog = page.getByRole('dialog', { name: '老客' })
        await dialog.getByRole('textbox').first().fill('2')
        await dialog.getByRole('button', { name: '完成' }).click()
        await now('老客').getByText(String(COUNT.repeat), { exact: true }).waitFor()
        await now('购买').getByText(String(COUNT.buyers - COUNT.repeat), { exact: true }).waitFor()
        await page.getByRole('button', { name: '「老客」上移' }).click() // whoever bought stands above whoever came back
        await now('购买').getByText(String(COUNT.buyers), { exact: true }).waitFor()
        for (const [text, href] of await cells(page)) assert.equal(await countOf(whoOf(href)), figure(text), href)
        await page.getByRole('textbox', { name: '第 1 个阶段的名称' }).fill('')
        await page.getByRole('button', { name: '改回品牌的阶段' }).click()
        await page.getByText('认知 → 兴趣 → 购买 → 忠诚').waitFor()
        await now('忠诚').waitFor()
    })
})

test('a question is saved, changed, renamed, removed and brought back', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        const named = (name) => page.getByRole('group', { name: '已保存' }).getByRole('button', { name, exact: true })
        await at(page, address('interval', { events: PAID, pairs: 'all' }))
        await page.getByRole('button', { name: '保存这个问题' }).click()
        await page.getByLabel('名称').fill('复购周期')
        await page.getByRole('button', { name: '保存', exact: true }).click()
        await named('复购周期').waitFor()
        await page.getByRole('radio', { name: '第一次到第二次' }).check({ force: true })
        await page.getByRole('button', { name: '更新「复购周期」' }).click()
        await page.getByRole('button', { name: '更新「复购周期」' }).waitFor({ state: 'hidden' })
        await page.getByRole('button', { name: '重命名' }).click()
        await page.getByLabel('名称').fill('首购到二购周期')
        await page.getByRole('button', { name: '保存', exact: true }).click()
        await named('首购到二购周期').waitFor()
        await at(page, '/analysis/interval')
        await named('首购到二购周期').click()
        await page.waitForURL(/report=\d+/)
        const { items } = await server.call('GET', '/api/reports?ask=interval')
        assert.deepEqual(items.map(({ name, query }) => [name, query.pairs]), [['首购到二购周期', 'first']])
        await page.getByRole('button', { name: '删除', exact: true }).click()
        await named('首购到二购周期').waitFor({ state: 'hidden' })
        await page.getByRole('button', { name: '撤销' }).click()
        await named('首购到二购周期').waitFor()
    })
})

test('the table goes out as a file, in words', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        await at(page, address('breakdown', { events: PAID, by: { attribute: 'channel' }, of: 'amount' }))
        await page.locator('a.cell').first().waitFor()
        const coming = page.waitForEvent('download')
        await page.getByRole('button', { name: '导出 CSV' }).click()
        const file = await coming
        assert.equal(file.suggestedFilename(), '排行.csv')
        const [head, ...lines] = readFileSync(await file.path(), 'utf8').replace('\ufeff', '').trim().split('\r\n')
        assert.match(head, /,人数,次数,合计$/)
        assert.ok(lines.some((line) => /^朋友圈广告,20,\d+,[\d.]+$/.test(line)), lines.join('\n'))
    })
})

test('while the engine is filled the page waits and asks again; what cannot be asked is said in words', async () => {
    await withPage(server, { locale: 'zh' }, async (page) => {
        const refused = new Set()
        await page.route(/\/api\/audience\/(query|catalog)$/, (route, request) => {
            if (refused.has(request.url())) return route.continue()
            refused.add(request.url())
            return route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":"audience.filling","message":""}}' })
        })
        await at(page, '/analysis/rfm')
        await page.getByRole('status').filter({ hasText: '正在' }).waitFor()
        assert.equal(await page.getByText('已不存在').count(), 0) // names that were not read yet are not lost
        await page.locator('a.heat').first().waitFor()
        await at(page, address('rfm', { events: { kind: 'no_such' }, of: 'amount' }))
        await page.getByRole('alert').waitFor()
        await at(page, '/analysis/funnel?q=%7B')
        await page.locator('.bars li').nth(2).waitFor() // a link that was cut: the page's own first question
        await at(page, address('trend', { events: { kind: 'live_watched' }, units: 'day' }))
        await page.getByText('没有符合的数据').waitFor()
    })
})

test('each page is accessible and fits, in light and dark, on a phone and in English', async () => {
    for (const options of [{ locale: 'zh' }, { size: PHONE, locale: 'en', theme: 'dark' }]) {
        await withPage(server, options, async (page) => {
            for (const name of ASKS) {
                await at(page, address(name))
                await page.locator('section[aria-busy=false]').waitFor()
                await assertAccessible(page, name)
                await assertFits(page, name)
                if (name === 'flow' || name === 'paths') assert.ok(await page.locator('svg[role=group] rect').first().isVisible(), `${name} is drawn`)
            }
        })
    }
})
