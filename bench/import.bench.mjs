// import-orders: a real shop's 541,909 order lines, beside the sqlite3 shell reading the same file into one table with two
// indexes, in turns. start and memory-idle: the server on the base that leaves. PAPILIO_DATA names the folder of the data.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const program = join(root, 'build/release/papilio')
const mapping = join(root, 'test/data/online_retail.mapping.json')
const wanted = process.env.BENCH_NAME ?? ''
const rounds = 3

const IMPORT_BAR = 4
const START_BAR_S = 0.3
const MEMORY_BAR_MB = 48

const row = (name, value, unit, peer, peerValue, bar) => {
  const ratio = value / peerValue
  console.log(JSON.stringify({ name, value, unit, peer, peer_value: peerValue, ratio, bar, bar_is: 'most', holds: ratio <= bar }))
}
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

const run = (command, args, input) => {
  const from = performance.now()
  const done = spawnSync(command, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr || done.error}`)
  return { out: done.stdout, seconds: (performance.now() - from) / 1000 }
}

// A server up to its first answer.
const start = async (data) => {
  const from = performance.now()
  const child = spawn(program, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const said = { out: '' }
  child.stdout.on('data', (bytes) => (said.out += bytes))
  const url = async () => {
    while (!/^http:\/\/\S+\n/m.test(said.out)) {
      if (child.exitCode !== null) throw new Error('the server ended')
      await pause(1)
    }
    return said.out.match(/^http:\/\/[^\s/]+/m)[0]
  }
  const at = await url()
  const reply = await fetch(`${at}/healthz`)
  if (reply.status !== 200) throw new Error(`healthz: ${reply.status}`)
  await reply.text()
  return { child, at, said, seconds: (performance.now() - from) / 1000 }
}

const stop = async ({ child }) => {
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await gone
}

const setUp = async (data) => {
  const server = await start(data)
  while (!/token=/.test(server.said.out)) await pause(1)
  const token = server.said.out.match(/token=(\S+)/)[1]
  const reply = await fetch(`${server.at}/api/setup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      token, login: 'bench', name: 'Bench', password: 'a long password', brand_name: 'Bench', zone: 'Europe/London', currency: 'GBP',
    }),
  })
  if (reply.status !== 200) throw new Error(`set-up: ${await reply.text()}`)
  await stop(server)
}

const shellScript = (file) => `CREATE TABLE t (InvoiceNo TEXT, StockCode TEXT, Description TEXT, Quantity INTEGER,
  InvoiceDate TEXT, UnitPrice REAL, CustomerID TEXT, Country TEXT);
CREATE INDEX t_by_invoice ON t (InvoiceNo);
CREATE INDEX t_by_customer ON t (CustomerID, InvoiceDate);
.mode csv
.import --skip 1 ${file} t
SELECT count(*) FROM t;
`

const memoryMb = (child) => {
  const kb = readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m)[1]
  return Number(kb) / 1024
}

const main = async (folder) => {
  const source = join(process.env.PAPILIO_DATA, 'online_retail/online_retail.csv.xz')
  const file = join(folder, 'online_retail.csv')
  writeFileSync(file, spawnSync('xz', ['-dc', source], { maxBuffer: 1 << 28 }).stdout)
  const ours = [], theirs = [], starts = []
  let data

  for (let round = 0; round < rounds; round++) {
    data = join(folder, `data${round}`)
    await setUp(data)
    const shell = run('sqlite3', [join(folder, `shell${round}.db`)], shellScript(file))
    if (shell.out.trim() !== '541909') throw new Error(`the shell read ${shell.out}`)
    const imported = run(program, ['import', 'orders', file, '--data', data, '--mapping', mapping])
    if (JSON.parse(imported.out).accepted !== 541909) throw new Error(imported.out)
    theirs.push(shell.seconds)
    ours.push(imported.seconds)
    rmSync(join(folder, `shell${round}.db`))
  }
  row('import-orders', median(ours), 's', 'sqlite3 .import, two indexes', median(theirs), IMPORT_BAR)

  for (let round = 0; round < rounds; round++) {
    const server = await start(data)
    starts.push(server.seconds)
    if (round + 1 === rounds) {
      await pause(3000)
      row('memory-idle', memoryMb(server.child), 'MB', 'the limit, MB', MEMORY_BAR_MB, 1)
    }
    await stop(server)
  }
  row('start', median(starts), 's', 'the limit, s', START_BAR_S, 1)
}

if (['import-orders', 'start', 'memory-idle'].some((name) => name.includes(wanted))) {
  if (!process.env.PAPILIO_DATA || !existsSync(join(process.env.PAPILIO_DATA, 'online_retail'))) {
    console.log('import-orders, start, memory-idle: skipped, PAPILIO_DATA does not name the folder of data sets')
  } else {
    const folder = mkdtempSync(join(tmpdir(), 'papilio-bench-'))
    try {
      await main(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
