/* Weighs the first load (shell, login and one language, before any route's own chunk) against the bar. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BAR_KB = { js: 260, css: 50 }
const FIRST = ['index.html', 'src/pages/LoginPage.vue', 'src/pages/AppShell.vue', 'src/i18n/zh.ts']

const root = new URL('../../../build/web/admin/', import.meta.url)
const read = (name) => readFileSync(fileURLToPath(new URL(name, root)))
const manifest = JSON.parse(read('.vite/manifest.json').toString())
const files = new Set(['theme.js'])

function add(key, seen = new Set()) {
    const chunk = manifest[key]
    if (!chunk) throw new Error(`the build has no chunk for ${key}`)
    if (seen.has(key)) return
    seen.add(key)
    files.add(chunk.file)
    for (const sheet of chunk.css ?? []) files.add(sheet)
    for (const key of chunk.imports ?? []) add(key, seen)
}
for (const key of FIRST) add(key)

const sums = { js: 0, css: 0 }
for (const file of files) sums[file.endsWith('.css') ? 'css' : 'js'] += gzipSync(read(file), { level: 9 }).length

let isOver = false
for (const [kind, bytes] of Object.entries(sums)) {
    const kb = bytes / 1024
    const holds = kb <= BAR_KB[kind]
    isOver ||= !holds
    console.log(`first load ${kind}: ${kb.toFixed(1)} KB gzip of ${BAR_KB[kind]} KB${holds ? '' : '  OVER THE BAR'}`)
}
if (isOver) process.exit(1)
