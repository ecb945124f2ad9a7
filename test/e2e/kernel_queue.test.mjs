/* What waits and what failed, as people decide on it: timers, messages, payments and the differences of a bill. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { idOfNow } from '../api/papilio.mjs'
import { assertAccessible, assertFits, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'
import { sql } from './kernel_base.mjs'

const DESK = { width: 1280, height: 800 }
const POCKET = { width: 390, height: 844 }
const NEVER_MS = 4_000_000_000_000
let server, customerId
before(async () => {
    await openBrowser()
    server = await (await new Server().start()).setUp()
    customerId = (await server.post('/api/customers', { name: '王小明', phone: '13900000001' })).id
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

const shot = (page, name) => (process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined)
const button = (scope, name) => scope.getByRole('button', { name })

test('before anything happened each page says so', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        for (const [path, text] of [
            ['timers?status=dead', '没有失败的定时'],
            ['outbox', '还没有消息'],
            ['outbox?part=inbox', '没有处理失败的来信'],
            ['sagas', '还没有付款'],
            ['sagas?part=differences', '没有待核对的差异'],
        ]) {
            await page.goto(`${server.url}/operations/${path}`)
            await page.getByText(text).waitFor()
            await assertAccessible(page, `${path}, empty`)
        }
    })
    const now = Date.now()
    sql(
        server,
        `INSERT INTO timer VALUES (1, 'campaign_clock', 71, ${NEVER_MS}, 'waiting', 0, NULL, NULL, NULL, ${now}, ${now}),
            (2, 'ledger_hold_over', 72, ${now}, 'dead', 12, NULL, 'db.io', 'the disk did not answer', ${now}, ${now}),
            (3, 'counter_hold_over', 73, ${now}, 'dead', 12, NULL, 'counter.range', 'out of range', ${now}, ${now});
         INSERT INTO outbox VALUES (1, 'webhook', 1, NULL, NULL, 'hooks.example.com', 'sent', ${now}, 1, 200, NULL, ${now}, ${now}),
            (2, 'webhook', 2, NULL, ${customerId}, 'hooks.example.com', 'dead', ${now}, 12, 503, 'the other side is overloaded', ${now}, ${now}),
            (3, 'webhook', 3, NULL, NULL, 'hooks.example.com', 'waiting', ${NEVER_MS}, 2, 429, NULL, ${now}, ${now});
         INSERT INTO inbox VALUES (${idOfNow()}, 'payee', x'01', 'payee_notice', NULL, 'dead', 12, ${now}, 'not understood', ${now});
         INSERT INTO saga (id, kind, key_id, customer_id, amount_fen, status, outside_no, attempt_count, due_ms, error_message, created_ms, changed_ms) VALUES
            (900001, 'refund', 1, ${customerId}, 12900, 'succeeded', 'R-20261122-1', 1, NULL, NULL, ${now}, ${now}),
            (900002, 'refund', 2, ${customerId}, 8900, 'unknown', NULL, 3, ${NEVER_MS}, 'no answer within 10 s', ${now}, ${now});
         INSERT INTO bill_difference VALUES (1, 'refund', 20778, 900001, 'R-20261122-1', 'amount', 12900, 12000, ${now}, NULL, NULL, NULL);`,
    )
})

test('a timer that failed is tried again, another given up', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/health`)
        await page.getByRole('link', { name: /定时失败/ }).click()
        await page.getByText('the disk did not answer').waitFor()
        await shot(page, 'timers')
        await button(page, /^放弃 .* 73$/).click()
        const dialog = page.getByRole('dialog', { name: '放弃' })
        await dialog.getByLabel('原因').fill('活动已取消')
        await button(dialog, '放弃').click()
        await page.getByText('out of range').waitFor({ state: 'detached' })
        await button(page, /^重试 .* 72$/).click()
        await page.getByText('没有失败的定时').waitFor()
    })
})

test('a message is sent again or cancelled; a payment is asked about; a difference is closed with words', async () => {
    await withPage(server, { size: DESK }, async (page) => {
        await page.goto(`${server.url}/operations/outbox?status=dead`)
        await page.getByText('the other side is overloaded').waitFor()
        await button(page, '取消发送').click()
        const dialog = page.getByRole('dialog', { name: '取消发送' })
        await dialog.getByLabel('原因').fill('对方已停用')
        await button(dialog, '取消发送').click()
        await page.getByText('没有这个状态的消息').waitFor()

        await page.goto(`${server.url}/operations/sagas`)
        await page.getByText('结果不明').last().waitFor()
        await shot(page, 'sagas')
        await page.getByRole('radio', { name: '对账差异' }).check({ force: true })
        await page.getByText('对方 ¥120.00').waitFor()
        await button(page, '关闭差异').click()
        const words = page.getByRole('dialog', { name: '关闭差异' })
        await words.getByLabel('查明的情况与处理').fill('对方扣了手续费，已补')
        await button(words, '关闭差异').click()
        await page.getByText('没有待核对的差异').waitFor()
        await page.goto(`${server.url}/operations/sagas/900001`)
        await page.getByText('林安：对方扣了手续费，已补').waitFor()
    })
})

for (const look of [
    { name: 'zh-desk', locale: 'zh', theme: 'light', size: DESK },
    { name: 'en-phone', locale: 'en', theme: 'dark', size: POCKET },
    { name: 'zh-phone', locale: 'zh', theme: 'light', size: POCKET },
    { name: 'en-desk', locale: 'en', theme: 'dark', size: DESK },
]) {
    test(`the pages fit and are accessible: ${look.name}`, async () => {
        await withPage(server, look, async (page) => {
            for (const path of ['timers', 'outbox', 'outbox?part=inbox', 'sagas', 'sagas/900002']) {
                await page.goto(`${server.url}/operations/${path}`)
                await page.locator('.one').first().waitFor()
                await assertFits(page, path)
                await assertAccessible(page, `${path} (${look.name})`)
                await shot(page, `${path.replace(/\W+/g, '-')}-${look.name}`)
                assert.doesNotMatch(await page.locator('body').innerText(), /\b(undefined|NaN|null)\b|\b(timer|outbox|saga)\.[a-z]+/)
            }
        })
    })
}
