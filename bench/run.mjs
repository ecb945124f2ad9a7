// Runs every built benchmark, or those that know the name given, prints the table, writes build/bench.json.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const built = join(root, 'build/release/bench')
const wanted = process.argv[2] ?? ''
const rows = []

const run = (command, args) => {
  const done = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, BENCH_NAME: wanted },
  })
  for (const line of done.stdout.split('\n')) {
    if (line.startsWith('{"name":')) rows.push(JSON.parse(line))
    else if (line.trim()) console.log(line)
  }
  if (done.status !== 0) {
    console.error(`${command} ${args.join(' ')}: ended with ${done.status ?? done.signal}`)
    process.exitCode = 1
  }
}

const programs = existsSync(built) ? readdirSync(built).filter((name) => name.startsWith('bench_')).sort() : []
for (const name of programs) run(join(built, name), [])
// Benchmarks that are scripts themselves (the program as a whole, other people's programs).
for (const name of readdirSync(join(root, 'bench')).filter((name) => name.endsWith('.bench.mjs')).sort()) {
  run(process.execPath, [join('bench', name)])
}

const wide = (text, width) => String(text).padEnd(width)
const short = (number) => (Math.abs(number) >= 100 ? number.toFixed(0) : number.toPrecision(3))
if (rows.length) {
  const width = Math.max(...rows.map((row) => row.name.length)) + 2
  console.log('')
  for (const row of rows) {
    const bar = row.bar === undefined ? '' : `${row.bar_is === 'least' ? '>=' : '<='} ${row.bar}`
    const verdict = row.bar === undefined ? 'no bar' : row.holds ? 'holds' : 'MISSED'
    console.log(
      `${wide(row.name, width)}${wide(`${short(row.value)} ${row.unit}`, 26)}` +
        `${wide(`${row.peer}: ${short(row.peer_value)}`, 44)}` +
        `${wide(`ratio ${short(row.ratio)}`, 13)}${wide(bar, 9)}${verdict}`,
    )
    if (row.note) console.log(`${' '.repeat(width)}${row.note}`)
  }
}
mkdirSync(join(root, 'build'), { recursive: true })
writeFileSync(join(root, 'build/bench.json'), `${JSON.stringify(rows, null, 2)}\n`)
if (rows.some((row) => !row.holds)) process.exitCode = 1
