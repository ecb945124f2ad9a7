/* What every browser test stands on: a real server on a folder of its own, Debian's Chromium, and a watch over each page
 * that lets no console error, no refusal of the content policy and no request to another host pass. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { isEngineBusy, nap, until, withDb } from '../api/papilio.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const PAPILIO = resolve(process.env.PAPILIO_BIN ?? join(root, 'build/release/papilio'))
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SWITCHES = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]

export const ADMIN = { login: 'ana', name: '林安', password: 'correct horse 7' }
export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 360, height: 740 }

/* ---- the server ---- */

export class Server {
    constructor(folder) {
        this.folder = folder ?? mkdtempSync(join(tmpdir(), 'papilio-e2e-'))
    }

    async start(command = 'serve', port = 0, more = []) {
        const words = [command, '--data', this.folder, '--listen', `127.0.0.1:${port}`, ...more]
        this.process = spawn(PAPILIO, withDb(this.folder, words), { stdio: ['ignore', 'pipe', 'pipe'] })
        this.said = ''
        const keep = (bytes) => (this.said += bytes)
        this.process.stdout.on('data', keep)
        this.process.stderr.on('data', keep)
        while (!/^ready/m.test(this.said)) {
            assert.ok(this.process.exitCode === null && this.process.signalCode === null, `the server did not start:\n${this.said}`)
            await nap(20)
        }
        this.url = /http:\/\/127\.0\.0\.1:\d+/.exec(this.said)[0]
        this.setupLink = /http:\S+\/setup\?token=\S+/.exec(this.said)?.[0]
        return this
    }

    async halt() {
        if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return
        const over = new Promise((done) => this.process.once('exit', done))
        this.process.kill('SIGTERM')
        await over
    }

    async stop() {
        await this.halt()
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    }

    /* One call of the API as the administrator; refused calls throw. */
    async call(method, path, body, headers = {}) {
        const ask = async () => {
            const response = await fetch(this.url + path, {
                method,
                headers: {
                    ...(this.cookie && { Cookie: this.cookie }),
                    ...(this.csrf && { 'X-CSRF-Token': this.csrf }),
                    ...(body && { 'Content-Type': 'application/json' }),
                    ...headers,
                },
                body: body && JSON.stringify(body),
            })
            const text = await response.text()
            const answer = text ? JSON.parse(text) : {}
            if (isEngineBusy(response.status, answer)) return
            assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
            const cookie = response.headers.get('set-cookie')
            if (cookie) this.cookie = cookie.split(';')[0]
            if (answer.csrf_token) this.csrf = answer.csrf_token
            return answer
        }
        return until(ask, `${path}: the engine is never level`)
    }
    post(path, body, headers) {
        return this.call('POST', path, body, headers)
    }

    async setUp() {
        const token = new URL(this.setupLink).searchParams.get('token')
        await this.post('/api/setup', { token, ...ADMIN, brand_name: '青禾生活', zone: 'Asia/Shanghai', currency: 'CNY' })
        return this
    }
}

/* An administrator for a base that was made by a program. */
export function userAdd(folder, { login, name, password }) {
    const words = ['user', 'add', login, '--name', name, '--role', 'admin', '--data', folder]
    const done = spawnSync(PAPILIO, withDb(folder, words), {
        input: `${password}\n`,
        encoding: 'utf8',
    })
    assert.equal(done.status, 0, done.stderr)
}

/* ---- the browser ---- */

let browser
export async function openBrowser() {
    assert.ok(existsSync(CHROMIUM), `no browser at ${CHROMIUM}`)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: SWITCHES })
    return browser
}
export async function closeBrowser() {
    await browser?.close()
}

/* A person's window: signed in with the server's session where asked. Everything suspicious is collected. */
export async function openPage(server, { size = DESKTOP, theme = 'light', locale, isSignedIn = true } = {}) {
    const context = await browser.newContext({
        viewport: size,
        colorScheme: theme,
        reducedMotion: 'reduce',
        locale: 'zh-CN',
        timezoneId: 'America/New_York', // not the brand's: times must come out in the brand's all the same
    })
    if (locale) await context.addInitScript((kept) => localStorage.setItem('papilio.locale', kept), locale)
    if (isSignedIn) {
        const [name, value] = server.cookie.split(/=(.*)/s)
        await context.addCookies([{ name, value, url: server.url }])
    }
    const page = await context.newPage()
    page.setDefaultTimeout(90_000) // a busy machine is no fault
    page.faults = []
    page.on('console', (message) => {
        const text = message.text()
        const isAnswer = /Failed to load resource|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_REFUSED/.test(text)
        if ((message.type() === 'error' || message.type() === 'warning') && !isAnswer) page.faults.push(text)
    })
    page.on('pageerror', (error) => page.faults.push(String(error.stack ?? error)))
    page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url())
        if (protocol.startsWith('http') && origin !== server.url) page.faults.push(`request to ${request.url()}`)
    })
    return page
}

export async function closePage(page) {
    await page.context().close()
    assert.deepEqual(page.faults, [])
}

/* Runs `work` with a fresh page and fails on any fault seen meanwhile. */
export async function withPage(server, options, work) {
    const page = await openPage(server, options)
    try {
        await work(page)
    } catch (error) {
        await page.screenshot({ path: join(tmpdir(), 'papilio-e2e-failed.png') }).catch(() => {})
        error.message += `\n(at ${page.url()}; faults: ${JSON.stringify(page.faults)})`
        await page.context().close()
        throw error
    }
    await closePage(page)
}

/* What fades in has other colours until it is there. What turns for ever is not waited for. */
const atRest = (page) =>
    page.waitForFunction(() =>
        document.getAnimations().every(({ playState, effect }) => playState !== 'running' || effect.getComputedTiming().endTime === Infinity),
    )

export async function assertAccessible(page, what) {
    await atRest(page)
    await page.evaluate(`${axeSource};0`)
    const found = await page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
        return violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join('\n    ')}`)
    })
    assert.deepEqual(found, [], `${what}: ${found.join('\n')}`)
}

/* Charts follow a change of the window a moment later. */
export async function assertFits(page, what) {
    const overOf = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    let over = await overOf()
    for (let i = 0; over > 0 && i < 100; i++, over = await overOf()) await nap(100)
    assert.ok(over <= 0, `${what} is ${over} px too wide`)
}
