/* The model behind the segment builder: which conditions it knows, what they are in words, and every step one can take with the
 * tree. No browser: the modules run here as they are. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bundle } from './bundle.mjs'

const { wire, tree, words, pointer, templates, picks, zh, en } = await bundle(`
    export * as wire from '@/pages/segment/model/wire'
    export * as tree from '@/pages/segment/model/tree'
    export * as words from '@/pages/segment/model/words'
    export * as pointer from '@/pages/segment/model/pointer'
    export * as templates from '@/pages/segment/model/templates'
    export * as picks from '@/pages/segment/model/picks'
    export { default as zh } from '@/i18n/zh'
    export { default as en } from '@/i18n/en'`)

const sayIn = (messages) => (key, parts = {}) => {
    const text = key.split('.').reduce((node, part) => node?.[part], messages)
    assert.equal(typeof text, 'string', `no text ${key}`)
    return text.replace(/\{(\w+)\}/g, (_, name) => {
        assert.ok(name in parts, `${key} is not told ${name}`)
        return String(parts[name])
    })
}
const TYPES = { amount: 'money', price_fen: 'money', quantity_count: 'number', born: 'date', code: 'text', size: 'choices', is_family: 'number', city: 'text', channel: 'id' }
const names = {
    kind: (name) => `[${name}]`,
    column: (name) => `[${name}]`,
    columnType: (name) => TYPES[name],
    attribute: (name) => `[${name}]`,
    attributeType: (name) => TYPES[name],
    option: (_, value) => `<${value}>`,
    channel: (id) => `#${id}`,
    tag: (id) => `#${id}`,
    segment: (id) => `#${id}`,
    money: (minor) => `¥${minor / 100}`,
    list: (parts) => parts.join('、'),
    day: (ms) => `d${ms}`,
    stage: (name, number) => name ?? `#${number}`,
}
const inChinese = words.wordsOf(names, sayIn(zh)).sentence
const inEnglish = words.wordsOf(names, sayIn(en)).sentence

/* Every form of docs/query.md, and what it says. */
const PAID = { kind: 'order_paid' }
const SAID = [
    [{ everyone: true }, 'everyone', '全部客户'],
    [{ attribute: 'city', is: ['上海', '杭州'] }, 'attribute', '[city] 是 上海、杭州'],
    [{ attribute: 'city', is_not: '上海' }, 'attribute', '[city] 不是 上海'],
    [{ attribute: 'city', contains: '海' }, 'attribute', '[city] 包含“海”'],
    [{ attribute: 'city', starts: '上' }, 'attribute', '[city] 以“上”开头'],
    [{ attribute: 'city', exists: false }, 'attribute', '[city] 没有值'],
    [{ attribute: 'size', has_all: ['S', 'M'] }, 'attribute', '[size] 同时有 S、M'],
    [{ attribute: 'channel', is: ['7'] }, 'attribute', '[channel] 是 <7>'],
    [{ attribute: 'is_family', is: [1] }, 'attribute', '[is_family] 是 <1>'],
    [{ attribute: 'born', within: { units: 'month', count: 1 } }, 'attribute', '[born] 在过去完整的 1 个自然月里'],
    [{ attribute: 'born', anniversary: [0, 7] }, 'attribute', '[born] 的周年日在今天起第 0 天到第 7 天之前'],
    [{ attribute: 'born', below: '2020-01-01' }, 'attribute', '[born] 早于 2020-01-01'],
    [{ attribute: 'price_fen', between: [100, 20050] }, 'attribute', '[price_fen] 介于 ¥1 到 ¥200.5（不含）'],
    [{ tag: ['1', '2'], match: 'all' }, 'tag', '同时有标签 #1、#2'],
    [{ list: '3' }, 'list', '在 #3 里'],
    [{ segment: ['4'], match: 'none' }, 'segment', '不在 #4 里'],
    [{ bucket: { salt: 'spring', from: 0, to: 125000 } }, 'bucket', '随机分桶“spring”的 0% 到 12.5%'],
    [{ did: PAID }, 'did', '有过 [order_paid]'],
    [{ did: { ...PAID, within: { last: { days: 30 } } }, below: 1 }, 'did', '最近 30 天内 没有 [order_paid]'],
    [{ did: { ...PAID, within: { from: '2026-01-01', to: '2026-02-01' }, where: { property: 'amount', at_least: 10000 } }, at_least: 2 }, 'did', '2026-01-01 到 2026-02-01（不含） [order_paid]（[amount] 至少 ¥100） 次数至少 2'],
    [{ did: { channel: ['7'], subject: '9' }, measure: 'days', below: 3 }, 'did', '任何事件（渠道是 #7，且 对象是 9） 的天数少于 3'],
    [{ did: PAID, measure: 'sum', of: 'amount', at_least: 100000 }, 'did', '[order_paid] 的[amount]合计至少 ¥1000'],
    [{ did: PAID, measure: 'distinct', of: 'channel', at_least: 2 }, 'did', '[order_paid] 的不同渠道个数至少 2'],
    [{ did: PAID, measure: 'last', within: { last: { hours: 12 } } }, 'did', '最近一次 [order_paid] 在最近 12 小时内'],
    [{ did: PAID, measure: 'first', of: 'code', is: ['A1'] }, 'did', '第一次 [order_paid] 的[code]是 A1'],
    [{ sequence: [{ kind: 'a' }, { kind: ['b', 'c'] }], within_seconds: 604800 }, 'sequence', '7 天内依次 [a] → [b]、[c]'],
    [{ funnel: { steps: [{ kind: 'a' }, { kind: 'b' }], within_seconds: 90, order: 'strict', exclude: { events: { kind: 'x' }, after: 1 } }, level: [1, 1] }, 'funnel', '漏斗 [a] → [b]（90 秒内，紧接着发生） 走到第 1 到 1 步'],
    [{ regularly: { kind: 'a' }, units: 'week', count: 8, at_least: 6 }, 'regularly', '过去完整的 8 个自然周里至少有 6 个自然周，每期至少 1 次 [a]'],
    [{ first_time: { ...PAID, within: { last: { weeks: 2 } } } }, 'first_time', '最近 2 周内 第一次 [order_paid]'],
    [{ stopped: { ...PAID, within: { to: '2026-01-01' } }, later: { last: { days: 90 } } }, 'stopped', '2026-01-01 之前有 [order_paid]，最近 90 天内没有'],
    [{ restarted: { ...PAID, within: { to: '2025-01-01' } }, later: { units: 'year', count: 1 }, again: { units: 'year', count: 1, current: true } }, 'restarted', '2025-01-01 之前有 [order_paid]，过去完整的 1 个自然年里没有，含本期的 1 个自然年里又有'],
    [{ rfm: PAID, of: 'amount', r: [4, 5], m: 5 }, 'rfm', '[order_paid] 按[amount]的 RFM：R 4、5，M 5'],
    [{ answer: { ask: 'rfm', events: PAID, of: 'amount' }, cell: { r: 5, f: [3, 4, 5] } }, 'answer', 'RFM分析（[order_paid]）里R 5、F 3–5的客户'],
    [{ answer: { ask: 'breakdown', events: PAID, by: { attribute: 'channel' } }, cell: { group: [null, '7'] } }, 'answer', '排行分析（[order_paid]）里分组是 其余、<7> 的客户'],
    [{ answer: { ask: 'flow', within: { last: { days: 30 } } }, cell: { from: 0, to: 2 } }, 'answer', '流转分析（最近 30 天内）里从 #0 、到 #2 的客户'],
    [{ answer: { ask: 'trend', events: PAID, who: { tag: ['1'] } }, cell: {} }, 'answer', '趋势分析（[order_paid]（有标签 #1））里所有数到的客户'],
    [{ purchase: 'repeat', kind: 'order_paid' }, 'purchase', '[order_paid] 两次及以上'],
    [{ not: { tag: ['1'] } }, 'not', '不满足（有标签 #1）'],
    [{ all: [{ tag: ['1'] }, { any: [{ tag: ['2'] }, { tag: ['3'] }] }] }, 'all', '有标签 #1，且 （有标签 #2，或 有标签 #3）'],
    [{ any: [] }, 'any', '没有人'],
]

test('every form is known, and is a sentence in both languages', () => {
    for (const [condition, form, sentence] of SAID) {
        assert.equal(wire.formOf(condition), form, JSON.stringify(condition))
        assert.equal(inChinese(condition), sentence)
        assert.doesNotMatch(inEnglish(condition), /undefined|[\u4e00-\u9fff]{4}/)
    }
    const { $defs } = JSON.parse(readFileSync(new URL('../../docs/query.schema.json', import.meta.url), 'utf8'))
    const told = new Set(SAID.map(([, form]) => form))
    for (const { properties } of $defs.condition.oneOf) assert.ok(Object.keys(properties).some((name) => told.has(name)), `a form is left out: ${Object.keys(properties)}`)
})

test('what is not known whole is JSON and no sentence of its own', () => {
    for (const condition of [{}, { fancy: 1 }, { tag: ['1'], since: 3 }, { did: { kind: 'a', often: 1 } }, { attribute: 'city' }, { did: PAID, at_least: 1, below: 3 }, { did: PAID, measure: 'sum', of: 'amount' }, { did: { within: { last: { days: 1, hours: 2 } } } }]) {
        assert.equal(wire.formOf(condition), 'json', JSON.stringify(condition))
        assert.equal(inChinese(condition), JSON.stringify(condition))
        assert.deepEqual(wire.openOf(condition), [])
    }
})

test('what is to be filled in still is named by its place', () => {
    const open = { all: [{ tag: [] }, { not: { any: [{ did: { where: { property: 'code', is: [] } } }, { attribute: 'city', is: ['x'] }] } }, { any: [] }, { bucket: { salt: '', from: 0, to: 1 } }, { stopped: PAID, later: {} }, { regularly: {}, units: 'day', count: 2, at_least: 1 }] }
    assert.deepEqual(wire.openOf(open), ['/all/0', '/all/1/not/any/0', '/all/2', '/all/3', '/all/4'])
    for (const [condition] of SAID) assert.deepEqual(wire.openOf({ all: [condition] }).filter(() => condition.any?.length !== 0), [], JSON.stringify(condition))
})

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((kind) => ({ did: { kind } }))
const shape = (node) => (node.not ? `!${shape(node.not)}` : node.all ? `(${node.all.map(shape).join('&')})` : node.any ? `[${node.any.map(shape).join('|')}]` : node.did.kind)

test('a condition goes up and down as one reads, into groups and out of them', () => {
    let edit = { root: { all: [A, { not: { any: [B, C] } }, D] }, path: '/all/0' }
    const seen = [shape(edit.root)]
    for (let next = tree.moved(edit.root, edit.path, 1); next; next = tree.moved(edit.root, edit.path, 1)) {
        edit = next
        seen.push(shape(edit.root))
        assert.equal(shape(tree.nodeAt(edit.root, edit.path)), 'a')
        assert.ok(seen.length < 20)
    }
    assert.deepEqual(seen, ['(a&![b|c]&d)', '(![a|b|c]&d)', '(![b|a|c]&d)', '(![b|c|a]&d)', '(![b|c]&a&d)', '(![b|c]&d&a)'])
    const back = [shape(edit.root)]
    for (let next = tree.moved(edit.root, edit.path, -1); next; next = tree.moved(edit.root, edit.path, -1)) {
        edit = next
        back.push(shape(edit.root))
    }
    assert.deepEqual(back, seen.reverse())
})

test('adding, copying, turning round, grouping and removing leave the rest as it is', () => {
    const root = { all: [A, { any: [B, C] }] }
    const before = JSON.stringify(root)
    const done = [
        [tree.added(root, '/all/1', D), '(a&[b|c|d])', '/all/1/any/2'],
        [tree.copied(root, '/all/1'), '(a&[b|c]&[b|c])', '/all/2'],
        [tree.negated(root, '/all/1/any/0'), '(a&[!b|c])', '/all/1/any/0'],
        [tree.negated(tree.negated(root, '/all/1').root, '/all/1'), '(a&[b|c])', '/all/1'],
        [tree.negated(tree.negated(root, '/all/1').root, '/all/1/not'), '(a&[b|c])', '/all/1'],
        [tree.wrapped(root, '/all/0'), '([a]&[b|c])', '/all/0/any/0'],
        [tree.unwrapped(root, '/all/1'), '(a&b&c)', '/all/1'],
        [{ root: tree.removed(root, '/all/1/any/0'), path: '' }, '(a&[c])', ''],
        [{ root: tree.removed({ all: [{ not: A }, B] }, '/all/0/not'), path: '' }, '(b)', ''],
    ]
    for (const [{ root: next, path }, text, at] of done) {
        assert.equal(shape(next), text)
        assert.equal(path, at)
    }
    assert.equal(JSON.stringify(root), before)
    assert.equal(tree.leafCount({ all: [A, { not: { any: [B, C] } }] }), 3)
    assert.deepEqual(tree.rooted(A), { all: [A] })
    assert.deepEqual(tree.rooted({ everyone: true }), { all: [] })
})

test("the server's places are found in the tree and in the text", () => {
    assert.equal(tree.placeOf('definition/who/all/1/did/kind'), '/all/1/did/kind')
    assert.equal(tree.placeOf('query/who'), '')
    assert.equal(tree.placeOf('/who/any/0'), '/any/0')
    assert.equal(tree.placeOf('name'), undefined)
    assert.equal(tree.placeOf('query/zone'), undefined)
    const text = JSON.stringify({ version: 1, who: { all: [{ 'a"/b': [1, 2] }, { tag: ['x,y}'], match: 'none' }] } }, null, 2)
    const at = (path) => text.slice(...pointer.spanAt(text, path))
    assert.equal(at('/who/all/1/match'), '"none"')
    assert.equal(JSON.parse(at('/who/all/1/tag'))[0], 'x,y}')
    assert.equal(at('/who/all/1/tag/0'), '"x,y}"')
    assert.deepEqual(JSON.parse(at('/who/all/9/tag')), JSON.parse(text).who.all) // the deepest there is
    assert.equal(pointer.lineOf(text, pointer.spanAt(text, '/version')[0]), 2)
    assert.equal(pointer.spanAt('{"a":', '/a'), undefined)
})

test('another comparison keeps the value as far as it fits', () => {
    assert.deepEqual(wire.testFor('below', 'money', { at_least: 30000 }), { below: 30000 })
    assert.deepEqual(wire.testFor('between', 'number', { is: [4] }), { between: [4, 14] })
    assert.deepEqual(wire.testFor('contains', 'text', { is: ['上海'] }), { contains: '上海' })
    assert.deepEqual(wire.testFor('is', 'text', { contains: '上海' }), { is: ['上海'] })
    assert.deepEqual(wire.testFor('is_not', 'id', { is: ['1', '2'] }), { is_not: ['1', '2'] })
    for (const [type, ops] of Object.entries(wire.OPS_OF)) for (const op of ops) assert.equal(wire.testOp(wire.testFor(op, type, {})), op, `${type} ${op}`)
})

test('what is offered is known, and has its words', () => {
    const all = picks.picksOf([{ value: 'city', label: 'City' }], [{ value: 'order_paid', label: 'Paid' }], () => 'text', () => false)
    for (const pick of all) {
        assert.notEqual(wire.formOf(pick.make()), 'json', pick.key)
        if (!pick.label) for (const messages of [zh, en]) sayIn(messages)(`segment.pick.${pick.key}`)
        for (const messages of [zh, en]) sayIn(messages)(`segment.group.${pick.group}`)
    }
    for (const { key, who } of templates.TEMPLATES) {
        for (const messages of [zh, en]) sayIn(messages)(`segment.template.${key}.name`)
        assert.ok(who.all.every((part) => wire.formOf(part) !== 'json'), key)
    }
})
