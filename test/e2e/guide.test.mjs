/* The operators' guide (docs/guide), walked: what a page of it shows is done here, in a small base with Chinese names.
 * With GUIDE_SHOTS=1 the pictures of docs/images/guide are taken anew on the way; without, only the steps are made, so that
 * pages and guide cannot drift apart unseen. scripts/guide.test.mjs holds the pictures and the guide's words together. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ADMIN, closeBrowser, openBrowser, Server, withPage } from './harness.mjs'
import { guideBase } from './guide_base.mjs'

const SIZE = { width: 1280, height: 800 }
const IMAGE_BYTES_MAX = 150_000
const isShooting = process.env.GUIDE_SHOTS === '1'
const images = fileURLToPath(new URL('../../docs/images/guide', import.meta.url))

let server, base
before(async () => {
    if (isShooting) mkdirSync(images, { recursive: true })
    await openBrowser()
    server = await new Server().start()
    await setupShown()
    await server.setUp()
    base = await guideBase(server)
})
after(async () => {
    await closeBrowser()
    await server?.stop()
})

/* A picture of the window, or of one part of the page, reduced to 128 colours. */
async function shot(page, name, part) {
    if (!isShooting) return
    await page.locator('.bone').first().waitFor({ state: 'hidden' })
    await page.waitForTimeout(400) // lets charts and dialogs come to rest
    const path = join(images, `${name}.png`)
    await (part ?? page).screenshot({ path, animations: 'disabled' })
    const made = spawnSync('convert', [path, '-strip', '+dither', '-colors', '128', '-define', 'png:compression-level=9', path], { encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    assert.ok(statSync(path).size < IMAGE_BYTES_MAX, `${name}.png has ${statSync(path).size} bytes`)
}
const walk = (work, options) => withPage(server, { size: SIZE, locale: 'zh', ...options }, work)
const go = (page, path) => page.goto(server.url + path)
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
const dialogOf = (page, name) => page.getByRole('dialog', { name })

async function setupShown() {
    await withPage(server, { size: SIZE, locale: 'zh', isSignedIn: false }, async (page) => {
        await page.goto(server.setupLink)
        await page.getByLabel('品牌名称').fill('青禾生活')
        await page.locator('#zone').selectOption('Asia/Shanghai')
        await page.getByLabel('登录名').fill(ADMIN.login)
        await page.getByLabel('姓名').fill(ADMIN.name)
        await page.getByRole('button', { name: '完成设置' }).waitFor()
        await shot(page, 'setup')
    })
}

const CSV = ['姓名,手机号,地区,爱好', '白小鹿,10077770001,上海,露营', '秦朗,10077770002,江苏 苏州,', '叶知秋,10077770003,浙江 宁波,绘本', '（填错的一行）,不是手机号,,']

test('02 a file: columns with a preview, a trial, the import, taken back', async () => {
    await walk(async (page) => {
        await go(page, '/imports')
        await page.locator('.drop').getByText('选择文件').waitFor()
        await page.getByText('下载模板：').waitFor()
        await shot(page, 'import')
        const upload = { name: '门店会员.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV.join('\n')) }
        await page.locator('input[type=file]').setInputFiles(upload)
        await page.getByRole('cell', { name: '客户身份不对' }).waitFor()
        assert.equal(await page.locator('#import-column-1').inputValue(), 'phone')
        await page.locator('#import-column-3').selectOption({ label: '作为其他属性' })
        await page.getByText('更多选项').waitFor()
        await shot(page, 'import-mapping')
        await button(page, '试运行').click()
        await page.getByRole('heading', { name: '已试运行' }).waitFor()
        await button(page, '开始导入').click()
        await page.getByRole('heading', { name: '完成' }).waitFor()
        await button(page, '下载被拒绝的行').waitFor()
        await shot(page, 'import-done')
        await button(page, '撤销这次导入').click()
        await page.getByText('3 位由它新建的客户会被移除').waitFor()
        await shot(page, 'import-undo', page.getByRole('dialog'))
        await button(page.getByRole('dialog'), '撤销这次导入').click()
        await page.getByRole('heading', { name: '已撤销' }).waitFor()
    })
})

test('03 the overview', async () => {
    await walk(async (page) => {
        await go(page, '/')
        await page.locator('svg[role=group] a').filter({ hasText: '触达' }).waitFor()
        await button(page, '名词定义').waitFor()
        await page.getByRole('radio', { name: '一年' }).waitFor()
        await page.locator('.chart svg').waitFor()
        await shot(page, 'overview')
    })
})

test('04 the list: search, filters, order, adding', async () => {
    await walk(async (page) => {
        await go(page, '/customers')
        await page.getByRole('link', { name: '陈思远' }).waitFor()
        await page.getByLabel('购买状态').waitFor()
        await page.getByLabel('蝴蝶图环节').waitFor()
        await shot(page, 'customers')
        await page.getByRole('button', { name: '添加客户' }).click()
        const dialog = dialogOf(page, '添加客户')
        await dialog.getByLabel('姓名').fill('周小满')
        await dialog.getByLabel('手机号').fill('10055556666')
        await dialog.getByLabel('地区').fill('江苏 苏州')
        await button(dialog, '保存').waitFor()
        await shot(page, 'customer-add', dialog)
    })
})

test('05 channels and costs', async () => {
    await walk(async (page) => {
        await go(page, '/channels')
        await page.getByText('数字包含下级渠道').waitFor()
        await page.getByRole('button', { name: '添加渠道' }).waitFor()
        await shot(page, 'channels')
        await page.getByRole('button', { name: '花费 朋友圈广告' }).click()
        const dialog = dialogOf(page, '「朋友圈广告」的花费')
        await dialog.getByText('首批投放').waitFor()
        await button(dialog, '记一笔').waitFor()
        await shot(page, 'costs', dialog)
    })
})

test('06 settings: a reason, versions, mail', async () => {
    await walk(async (page) => {
        await go(page, '/settings')
        const row = page.locator('li').filter({ has: page.locator('#setting-sleep_after_days') })
        for (const [days, reason] of [[80, '购买间隔变短了'], [75, '旺季回头更快']]) {
            await page.locator('#setting-sleep_after_days').fill(String(days))
            await row.getByLabel('为什么改').fill(reason)
            if (days === 75) await shot(page, 'setting-reason')
            await button(row, '保存').click()
            await row.getByText('已保存').waitFor()
        }
        await button(row, '改过 2 次').click()
        await row.getByText('购买间隔变短了').waitFor()
        await row.getByText('默认值').waitFor()
        await button(row, '填回').first().waitFor()
        await shot(page, 'setting-history', row)
        await page.locator('#mail').scrollIntoViewIfNeeded()
        await page.getByLabel('发一封测试邮件').waitFor()
        await shot(page, 'setting-mail', page.locator('#mail'))
        await shot(page, 'setting-retention', page.locator('#retention'))
    })
})

test('07 a write key', async () => {
    await walk(async (page) => {
        await go(page, '/settings/keys')
        const keys = page.locator('#keys')
        await keys.getByRole('textbox').fill('官网')
        await button(keys, '新建密钥').click()
        await keys.getByText('放进网页，自动上报浏览和点击').waitFor()
        await button(keys, '停用').waitFor()
        await shot(page, 'write-key', keys)
    })
})

test('08 organisation, staff, roles', async () => {
    await walk(async (page) => {
        await go(page, '/settings/team')
        await page.getByRole('button', { name: /^南京西路店 / }).waitFor()
        await page.getByText('wangbo · 导购 · 南京西路店').waitFor()
        await shot(page, 'team')
        await button(page, '添加员工').click()
        const dialog = dialogOf(page, '添加员工')
        await dialog.getByLabel('登录名').fill('zhaomin')
        await dialog.getByLabel('姓名').fill('赵敏')
        await dialog.getByLabel('角色').selectOption('guide')
        await dialog.getByText('仅自己的客户').waitFor()
        await dialog.getByLabel('所属组织').selectOption({ label: '\u3000\u3000南京西路店' })
        await shot(page, 'staff-add', dialog)
        await button(dialog, '保存').click()
        await page.getByLabel('邀请链接').locator('code').waitFor()
        await page.getByRole('button', { name: '关闭' }).last().click()
        await button(page, '邀请链接').waitFor() // has no password yet
        await button(page, '重设密码').first().waitFor()
        await button(page, '编辑 王博').click()
        await dialogOf(page, '编辑员工').getByLabel('在职').waitFor()

        await go(page, '/settings/roles')
        await page.getByText('仅自己的客户', { exact: false }).first().waitFor()
        await button(page, '新建角色').click()
        const role = dialogOf(page, '新建角色')
        await role.getByLabel('名称').fill('店长')
        await role.getByLabel('标识').fill('manager')
        await role.getByLabel('数据范围').selectOption('store')
        for (const right of ['看客户', '看客户姓名', '编辑客户', '打标签']) await role.getByLabel(right, { exact: true }).check()
        await shot(page, 'role', role)
    })
})

test('09 what is one\'s own, keys of programs, the trail', async () => {
    await walk(async (page) => {
        await go(page, '/settings/me')
        await page.getByText('当前设备').waitFor()
        await button(page, '结束其他所有登录').waitFor()
        await shot(page, 'me')
        await button(page, '开启').click()
        const password = dialogOf(page, '两步验证')
        await password.getByLabel('现在的密码').fill(ADMIN.password)
        await button(password, '开启').click()
        await page.getByRole('img', { name: '两步验证' }).waitFor()
        await page.getByLabel('动态码').waitFor()
        await button(page, '确认开启').waitFor()

        await go(page, '/settings/keys')
        await button(page, '新建 API 密钥').click()
        const dialog = dialogOf(page, '新建 API 密钥')
        await dialog.getByLabel('给谁用').fill('数据仓库')
        await dialog.getByLabel('到期日').selectOption('90')
        for (const right of ['看总览与分析', '看订单']) await dialog.getByLabel(right, { exact: true }).check()
        await shot(page, 'api-key', dialog)
        await button(dialog, '保存').click()
        await page.getByText('密钥只显示这一次').waitFor()
        await page.keyboard.press('Escape')
        await button(page, '吊销').waitFor()

        await go(page, '/settings/audit')
        await page.getByText('新建 API 密钥').first().waitFor()
        await page.getByLabel('对象').waitFor()
        await shot(page, 'audit')
    })
})

test('10 one customer with all its parts', async () => {
    await walk(async (page) => {
        await go(page, `/customers/${base.id}`)
        await page.locator('.entry').first().waitFor()
        await page.getByText('身份标签厚度').waitFor()
        await page.getByTitle('生命阶段').first().waitFor()
        await page.locator('.owner').filter({ hasText: '王博' }).waitFor()
        for (const name of ['更换负责人', '合并客户', '加入黑名单', '添加孩子', '添加关系']) await button(page, name).waitFor()
        await shot(page, 'profile')
        await page.getByRole('radio', { name: '备注' }).click()
        await page.getByText('喜欢下午联系').waitFor()
        await page.getByLabel('写备注').waitFor()
        await page.getByRole('button', { name: '修改肤质' }).scrollIntoViewIfNeeded()
        await shot(page, 'profile-parts')
        await button(page, '更换负责人').click()
        await dialogOf(page, '更换负责人').getByText('首次分配').waitFor()
        await shot(page, 'owner', dialogOf(page, '更换负责人'))

        await go(page, '/settings/tags')
        await page.getByText('价格偏好').waitFor()
        await page.getByRole('button', { name: '新建分组 身份' }).waitFor()
        await shot(page, 'tags')
        await go(page, '/settings/attributes')
        await page.locator('ol li').nth(2).waitFor()
        await button(page, '新建属性').waitFor()
        await shot(page, 'attributes')
    })
})

test('11 merging, taking it back, likely duplicates', async () => {
    await walk(async (page) => {
        await go(page, '/customers')
        await page.getByRole('link', { name: '可能重复的客户' }).click()
        await button(page, '重新查找').click()
        const pair = page.locator('.pair').filter({ hasText: '欧阳青禾' })
        await pair.waitFor()
        await button(pair, '不是同一个人').waitFor()
        await shot(page, 'duplicates')
        await button(pair, '比较并合并').click()
        const dialog = dialogOf(page, '合并客户')
        await dialog.getByRole('row', { name: /手机号/ }).waitFor()
        await shot(page, 'merge', dialog)
        await button(dialog, '合并').click()
        await pair.waitFor({ state: 'detached' })
        await go(page, `/customers/${base.twinId}`)
        await page.getByRole('radio', { name: '合并记录' }).click()
        await page.getByText('手工合并').waitFor()
        await shot(page, 'merges')
        await button(page, '撤销合并').click()
        await button(dialogOf(page, '撤销合并'), '撤销合并').click()
        await page.getByText('已撤销，两条记录已分开。').waitFor()
    })
})

test('12 masked, and shown', async () => {
    await walk(async (page) => {
        await go(page, `/customers/${base.id}`)
        await page.getByText('100****0001').first().waitFor()
        const facts = page.locator('.card').filter({ has: page.getByRole('heading', { name: '资料', exact: true }) })
        await shot(page, 'masked', facts)
        await button(page, '显示').click()
        await page.getByText('10000000001').first().waitFor()
        await button(page, '隐藏').waitFor()
    })
})

test('12 consents, a copy, a deletion with its receipt, keys', async () => {
    await walk(async (page) => {
        await go(page, '/settings/privacy')
        await button(page, '新建授权文本').click()
        const text = dialogOf(page, '新建授权文本')
        await text.getByLabel('用途').selectOption({ label: '营销信息' })
        await text.getByLabel('标题').fill('接收上新通知')
        await text.getByLabel('正文').fill('我同意青禾生活每周最多发送一次上新信息，可以随时在门店或客服处撤回。')
        await shot(page, 'consent-text', text)
        await button(text, '保存').click()
        await page.getByText('第 1 版').waitFor()

        await go(page, `/customers/${base.id}`)
        await button(page, '记录授权').click()
        const consent = dialogOf(page, '记录授权')
        await consent.getByLabel('在哪里').selectOption({ label: '门店' })
        await button(consent, '保存').click()
        await page.getByRole('button', { name: '撤回授权 营销信息' }).waitFor()
        const part = page.locator('.card').filter({ has: page.getByRole('heading', { name: '隐私', exact: true }) })
        await shot(page, 'customer-privacy', part)
        await button(page, '导出个人数据').click()
        await dialogOf(page, '导出个人数据').getByLabel('原因').fill('客户来信索取')
        await button(dialogOf(page, '导出个人数据'), '保存').click()
        await page.getByText('正在生成').waitFor()
        await go(page, '/settings/privacy')
        await page.getByRole('link', { name: '下载文件' }).waitFor()

        await go(page, `/customers/${base.ids.at(-1)}`)
        await button(page, '删除个人数据').click()
        const dialog = dialogOf(page, '删除个人数据')
        await dialog.getByLabel('原因').fill('客户来信要求')
        await dialog.getByLabel(/输入客户编号/).fill(String(base.ids.length))
        await shot(page, 'person-delete', dialog)
        await button(dialog, '永久删除').click()
        await page.waitForURL(/settings\/privacy/)
        await page.locator('li').filter({ hasText: '删除个人数据' }).first().getByText('已完成').waitFor()
        await page.getByRole('link', { name: '下载回执' }).first().waitFor()
        await page.getByRole('button', { name: '更换 加密密钥' }).waitFor()
        await page.getByRole('button', { name: '更换 查找密钥' }).waitFor()
        await shot(page, 'privacy')
    })
})

test('13 views, columns, work on many, jobs', async () => {
    await walk(async (page) => {
        await go(page, '/customers?state=never')
        await page.locator('tbody tr').first().waitFor()
        await button(page, '更多条件').waitFor()
        await button(page, '保存为视图').waitFor()
        await button(page, '显示列').waitFor()
        await page.getByRole('checkbox', { name: '选择本页全部客户' }).check()
        await page.getByText(/^已选 \d+ 位/).waitFor()
        await button(page, '分配').waitFor()
        await shot(page, 'bulk-bar')
        await button(page, '打标签').click()
        const tags = dialogOf(page, '打标签')
        await tags.getByLabel('标签').selectOption({ label: '等活动价' })
        await shot(page, 'bulk-tag', tags)
        await tags.getByRole('button', { name: /^对 \d+ 位执行$/ }).click()
        const tray = page.getByRole('region', { name: '后台任务' })
        await tray.getByText(/改动了 \d+ 位客户/).waitFor()
        await tags.waitFor({ state: 'detached' })

        await go(page, '/customers')
        await page.locator('tbody').getByRole('checkbox').first().check()
        await button(page, '导出').click()
        const files = dialogOf(page, '导出')
        await files.getByText('导出完整的姓名、手机号和邮箱').waitFor()
        await shot(page, 'bulk-export', files)
        await button(files, '对 1 位执行').click()
        await tray.getByText('共 1 行').waitFor()
        await go(page, '/jobs')
        await page.getByRole('heading', { name: '任务', level: 1 }).waitFor()
        await page.getByText('共 1 行').first().waitFor()
        await button(page, '撤销').first().waitFor()
        await shot(page, 'jobs')
    })
})

test('14 the layers', async () => {
    await walk(async (page) => {
        for (const [tab, sign] of [['rfm', '.cells a'], ['matrix', '.heat'], ['cohort', '.heat'], ['figures', '.cards strong']]) {
            await go(page, `/layers/${tab}`)
            await page.locator(sign).first().waitFor()
            await button(page, '导出 CSV').waitFor()
            await shot(page, `layer-${tab}`)
        }
        await button(page, '名词定义').click()
        await dialogOf(page, '分层与指标的定义').waitFor()
    })
})

test('16 a campaign; 17 the ledger; 18 how the system is', async () => {
    const rules = { stock_count: 200, day_limit_count: 1, points_count: 20 }
    const { id } = await server.post('/api/campaigns', { kind: 'giveaway', title: '春日到店礼', rules, ends_ms: Date.now() + 30 * 86_400_000 })
    const at = `/api/campaigns/${id}`
    await server.post(`${at}/versions`, { rules: { ...rules, points_count: 30 }, reason: '更大方一些' })
    await server.post(`${at}/budget`, { unit: 'points', amount: 8_000, reason: '春季预算' }, { 'Idempotency-Key': 'guide-budget' })
    await walk(async (page) => {
        await go(page, '/operations/campaigns')
        await button(page, '新建活动').waitFor()
        await page.getByRole('link', { name: '春日到店礼' }).click()
        await page.getByText('全部通过').waitFor()
        await button(page, '追加预算').waitFor()
        for (const name of ['提交检查', '发布']) {
            await button(page, name).click()
            await button(dialogOf(page, name), name).click()
            await dialogOf(page, name).waitFor({ state: 'hidden' })
        }
        await page.getByRole('heading', { name: /进行中/ }).waitFor()
        for (const [n, customer_id] of base.ids.slice(0, 3).entries()) await server.post(`/api/giveaways/${id}/claims`, { customer_id }, { 'Idempotency-Key': `guide-claim-${n}` })
        await go(page, `/operations/campaigns/${id}`)
        await page.getByRole('row', { name: /每份积分/ }).waitFor()
        await page.getByText('已发放').nth(2).waitFor()
        await shot(page, 'campaign')

        await go(page, '/operations/ledger?owner_kind=campaign')
        await page.getByLabel('查客户').waitFor()
        await page.getByRole('link', { name: '预算 · 积分' }).click()
        await page.getByText('余 7,910 积分').waitFor()
        await shot(page, 'ledger')
        await page.getByRole('link', { name: '活动预算' }).click()
        await button(page, '冲正').click()
        await dialogOf(page, '冲正').getByLabel('冲回数量').waitFor()

        await go(page, '/operations/health')
        await page.getByText('一切正常，没有卡住的事').waitFor()
        await button(page, '运行检查').click()
        await page.getByText(/项全部通过/).waitFor()
        await shot(page, 'health')
    })
})

test('20 segments: built by conditions', async () => {
    await walk(async (page) => {
        await go(page, '/')
        await page.getByRole('link', { name: '人群', exact: true }).click()
        await page.getByRole('link', { name: /^高价值沉睡/ }).waitFor()
        await page.getByRole('link', { name: /^30 天未复购的老客/ }).click()
        await page.locator('[data-test=count]').waitFor()
        await button(page, '添加条件').click()
        await dialogOf(page, '添加条件').getByRole('button', { name: '消费金额', exact: true }).click()
        await page.getByLabel('合计 值').fill('200')
        await button(page, '添加一组').click()
        await button(page.getByRole('region', { name: '以下任一（或）' }), '添加条件').click()
        await dialogOf(page, '添加条件').getByRole('button', { name: '订单数', exact: true }).first().click()
        await button(page.getByRole('region', { name: '以下任一（或）' }), '添加条件').click()
        await page.getByPlaceholder('找条件').fill('添加好友')
        await page.keyboard.press('Enter')
        await page.locator('.el-overlay').first().waitFor({ state: 'hidden' })
        await page.locator('.figure:not(.is-stale) [data-test=count]').waitFor()
        await page.evaluate(() => window.scrollTo(0, 0))
        await shot(page, 'segment-builder')
        await page.getByLabel('查客户').waitFor()
        await page.getByRole('radio', { name: '高级' }).check({ force: true })
        await page.getByLabel('人群的 JSON').waitFor()
        await button(page, '新建人群').waitFor()
    })
})

test('20 segments: after saving', async () => {
    const segment = async (name, who, tag_id) => (await server.post('/api/segments', { name, definition: { version: 1, ask: 'segment', who }, ...(tag_id && { tag_id }) })).id
    const tag = (await server.post('/api/tags', { family: 'spending', name: '回头客', color: '#2b5bc4' })).id
    const buys = { did: { kind: 'order_paid' }, at_least: 2 }
    const id = await segment('复购客', buys, tag)
    const lately = { did: { kind: 'order_paid', within: { last: { days: 60 } } } }
    const other = await segment('近 60 天下过单', lately)
    const { member_count: count } = await server.post('/api/audience/count', { query: { version: 1, ask: 'segment', who: buys } })
    await walk(async (page) => {
        await go(page, `/segments/${id}`)
        await page.locator('.now').getByText(String(count), { exact: true }).waitFor()
        await page.getByText(`已显示 ${count} / ${count}`).waitFor()
        await button(page, '对全部成员操作').waitFor()
        await shot(page, 'segment-page')
        await page.getByRole('radio', { name: '重合' }).check()
        await page.getByLabel('对比的人群 1').selectOption(other)
        await page.locator('svg[role=group] a').first().waitFor()
        await page.locator('svg[role=group]').scrollIntoViewIfNeeded()
        await shot(page, 'segment-overlap', page.locator('section.card').last())
        await page.getByRole('radio', { name: '为什么在里面' }).check()
        await page.getByLabel('查客户').waitFor()
        await page.getByRole('radio', { name: '版本' }).check()
        await page.getByText('第 1 版').waitFor()
        await go(page, '/settings/tags')
        await page.getByRole('link', { name: '规则：复购客' }).waitFor()
        await page.getByRole('link', { name: /^设为自动/ }).first().waitFor()
    })
})

test('01 signing in', async () => {
    await walk(
        async (page) => {
            await go(page, '/login')
            await page.getByLabel('登录名').fill(ADMIN.login)
            await page.getByLabel('密码').fill(ADMIN.password)
            await button(page, '登录').waitFor()
            await shot(page, 'login')
        },
        { isSignedIn: false },
    )
})

test('21 analysis: a ready question, its numbers, a file', async () => {
    await walk(async (page) => {
        await go(page, '/analysis')
        await button(page, '首购 → 二购 → 三购').click()
        await page.locator('.bars .people').nth(2).waitFor()
        for (const name of ['复制链接', '导出 CSV', '导出 Excel', '保存这个问题', '排除中间做过某事的人']) await button(page, name).waitFor()
        await shot(page, 'analysis')
        for (const name of ['留存', '路径', '流转', '趋势', '排行', 'RFM', '复购间隔']) {
            await page.getByRole('navigation', { name: '分析' }).getByRole('link', { name, exact: true }).click()
            await page.locator('section[aria-busy=false]').getByRole('heading', { name, exact: true }).waitFor()
        }
    })
})
