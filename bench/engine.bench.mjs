// The engine's questions beside DuckDB and ClickHouse in the same run: the same generated events in all three, one thread each,
// taking turns, CPU time of the process. A peer may keep two copies, each sorted as suits it; where it knows more than one way, the
// one that was fastest while warming up is asked. None has tables prepared for a question. No time counts before the answers are
// equal, row by row. 10 M events, or 100 M with ENGINE_CUSTOMERS=1000000. A peer that is not installed is left out, and said so.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openClickHouse } from './engine_clickhouse.mjs'
import { openDuck } from './engine_duck.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const program = join(root, 'build/release/bench/bench_engine_serve')
const wanted = process.env.BENCH_NAME ?? ''
const ROUNDS = 5
const ROUNDS_OF_MANY = 3 // above MANY events
const MANY = 50e6

// How many times the faster peer's CPU time ours must be; from columns alone where that has a bar of its own.
const questions = [
  { name: 'engine-funnel', bar: 30 },
  { name: 'engine-funnel-sparse', bar: 15 },
  { name: 'engine-segment', bar: 20, summed: true },
  { name: 'engine-rfm', bar: 8, summed: true },
  { name: 'engine-cohort', bar: 100, summed: true, columnsBar: 25 },
  { name: 'engine-channels', bar: 15 },
  { name: 'engine-repurchase', bar: 20, summed: true },
  { name: 'engine-paths', bar: 20 },
]

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const ms = (us) => (us / 1000).toPrecision(3)

// Our side answers line by line; it also reads the CPU time of any process, those of ended threads included.
const openEngine = async (folder) => {
  const child = spawn(program, [folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const gone = new Promise((done) => child.once('exit', done))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the engine ended')
    return JSON.parse(value)
  }
  const say = (line) => {
    child.stdin.write(`${line}\n`)
    return next()
  }
  const size = await next()
  return {
    size,
    ask: (name, way) => say(`ask ${name} ${way}`),
    cpuUs: async (pid) => (await say(`cpu ${pid}`)).us,
    close: () => {
      child.stdin.end()
      return gone
    },
  }
}

const askPeer = async (engine, peer, way) => {
  const before = await engine.cpuUs(peer.pid)
  const rows = await peer.ask(way)
  return { us: (await engine.cpuUs(peer.pid)) - before, rows }
}

const mustAgree = (name, who, rows, ours) => {
  if (JSON.stringify(rows) === JSON.stringify(ours)) return
  throw new Error(`${name}: ${who} answers ${JSON.stringify(rows).slice(0, 400)}, we ${JSON.stringify(ours).slice(0, 400)}`)
}

// The way each peer is asked: the one that was fastest once.
const warmUp = async (engine, peers, name) => {
  const ways = []
  const ours = await engine.ask(name, 'summed')
  for (const peer of peers) {
    const tried = []
    for (const way of peer.ways(name)) {
      const { us, rows } = await askPeer(engine, peer, way)
      mustAgree(name, peer.name, rows, ours.rows)
      tried.push({ way, us })
    }
    ways.push(tried.reduce((best, one) => (one.us < best.us ? one : best)).way)
  }
  return ways
}

const rounds = async (engine, peers, question) => {
  const ways = await warmUp(engine, peers, question.name)
  const times = { summed: [], columns: [], peers: peers.map(() => []) }
  for (let round = 0; round < (engine.size.events > MANY ? ROUNDS_OF_MANY : ROUNDS); round++) {
    const ours = await engine.ask(question.name, 'summed')
    times.summed.push(ours.us)
    if (question.summed) {
      const { us, rows } = await engine.ask(question.name, 'columns')
      mustAgree(question.name, 'columns alone', rows, ours.rows)
      times.columns.push(us)
    }
    for (const [at, peer] of peers.entries()) {
      const { us, rows } = await askPeer(engine, peer, ways[at])
      mustAgree(question.name, peer.name, rows, ours.rows)
      times.peers[at].push(us)
    }
  }
  return times
}

const print = (name, ours, peers, times, bar, also) => {
  const fastest = times.map(median).reduce((best, us, at, all) => (us < all[best] ? at : best), 0)
  const ratio = median(times[fastest].map((us, round) => us / ours[round]))
  const note = [...peers.map((peer, at) => `${peer.name} ${ms(median(times[at]))} ms`), ...also].join('; ')
  console.log(JSON.stringify({
    name, value: median(ours) / 1000, unit: 'ms', peer: `faster peer: ${peers[fastest].name}`, peer_value: median(times[fastest]) / 1000,
    ratio, bar, bar_is: 'least', note, holds: ratio >= bar,
  }))
}

const bench = async (engine, peers, question) => {
  const times = await rounds(engine, peers, question)
  const fastest = Math.min(...times.peers.map(median))
  const also = question.summed
    ? [`from columns alone ${ms(median(times.columns))} ms, ${(fastest / median(times.columns)).toPrecision(3)} x`]
    : []
  print(question.name, times.summed, peers, times.peers, question.bar, also)
  if (question.columnsBar) print(`${question.name}-columns`, times.columns, peers, times.peers, question.columnsBar, [])
}

const main = async (folder) => {
  const engine = await openEngine(folder)
  const peers = []
  try {
    for (const open of [openClickHouse, openDuck]) {
      const peer = await open(folder)
      if (typeof peer === 'string') console.log(`engine-...: ${peer}`)
      else peers.push(peer)
    }
    if (!peers.length) return
    console.log(`${engine.size.events} events of ${engine.size.customers} customers`)
    for (const question of questions.filter(({ name }) => `${name}-columns`.includes(wanted))) await bench(engine, peers, question)
  } finally {
    for (const peer of peers) await peer.close()
    await engine.close()
  }
}

if (questions.some(({ name }) => `${name}-columns`.includes(wanted))) {
  const folder = mkdtempSync(join(tmpdir(), 'papilio-engine-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  await main(folder)
}
