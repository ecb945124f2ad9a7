// DuckDB as a peer of engine.bench.mjs, in a process of its own (this file, started with a folder): a file with two copies of the
// events, sorted by customer and time, and by kind, customer and time.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DAY = 86400
const NOW = 365 * DAY
const WEEK = 7 * DAY

// A chain of joins, each to the latest event of the step before; windows took three to four times as long.
const funnel = (table, kinds) => {
  const step = (at) => `s${at} AS (SELECT e.customer, e.second, s${at - 1}.first
    FROM (SELECT customer, second FROM ${table} WHERE kind = ${kinds[at]}) e ASOF JOIN s${at - 1}
    ON e.customer = s${at - 1}.customer AND e.second >= s${at - 1}.second WHERE e.second - s${at - 1}.first <= ${WEEK})`
  return `WITH s0 AS (SELECT customer, second, second AS first FROM ${table} WHERE kind = ${kinds[0]}), ${[1, 2, 3].map(step)},
    reached AS (SELECT customer, 0 AS level FROM ${table} WHERE kind IN (${kinds})
      ${[0, 1, 2, 3].map((at) => `UNION ALL SELECT customer, ${at + 1} FROM s${at}`).join(' ')})
    SELECT level, count(*) FROM (SELECT max(level) AS level FROM reached GROUP BY customer) GROUP BY level ORDER BY level`
}

const segment = (table) => `SELECT count(*) FROM (SELECT customer FROM ${table}
  WHERE second >= ${NOW - 90 * DAY} AND kind IN (2, 3, 9)
    AND customer IN (SELECT customer FROM tag WHERE tag IN (3, 17, 42, 99, 250)) GROUP BY customer
  HAVING count(*) FILTER (WHERE kind = 3 AND second >= ${NOW - 30 * DAY}) >= 3 AND count(*) FILTER (WHERE kind = 9) >= 1
    AND count(*) FILTER (WHERE kind = 2 AND second >= ${NOW - 7 * DAY}) = 0)`

const fifth = (value) => `1${[1, 2, 3, 4].map((at) => ` + (${value} > q${value}[${at}])::INT`).join('')}`
const rfm = (table) => `WITH b AS MATERIALIZED
    (SELECT max(second) r, count(*) f, sum(amount)::BIGINT m FROM ${table} WHERE kind = 9 GROUP BY customer),
  q AS (SELECT ${['r', 'f', 'm'].map((value) => `quantile_disc(${value}, [0.2, 0.4, 0.6, 0.8]) q${value}`)} FROM b)
  SELECT ${['r', 'f', 'm'].map((value) => `${fifth(value)} s${value}`)}, count(*) FROM b, q GROUP BY sr, sf, sm ORDER BY sr, sf, sm`

const cohort = (table) => `SELECT c, ${Array.from({ length: 12 }, (_, week) => `sum((mask >> (c + ${week})) & 1)`)}, count(*) FROM
  (SELECT min(second) // ${WEEK} c, bit_or(1::BIGINT << (second // ${WEEK})) mask FROM ${table} GROUP BY customer
  HAVING c >= 28 AND c < 40) GROUP BY c ORDER BY c`

const channels = (table) => `SELECT channel, count(*), count(*) FILTER (WHERE o > 0), sum(o), coalesce(sum(paid), 0) FROM
  (SELECT channel, customer, count(*) FILTER (WHERE kind = 9) o, sum(amount) FILTER (WHERE kind = 9) paid
  FROM ${table} GROUP BY channel, customer) GROUP BY channel ORDER BY channel`

const repurchase = (table) => [
  `SELECT (later - second) // ${DAY} AS d, count(*) FROM
    (SELECT second, lead(second) OVER w AS later, row_number() OVER w AS place FROM ${table} WHERE kind = 9
    WINDOW w AS (PARTITION BY customer ORDER BY second)) WHERE place = 1 AND later IS NOT NULL GROUP BY d ORDER BY d`,
  `SELECT (t[2] - t[1]) // ${DAY} AS d, count(*) FROM
    (SELECT min(second, 2) AS t FROM ${table} WHERE kind = 9 GROUP BY customer HAVING count(*) >= 2) GROUP BY d ORDER BY d`,
]

const paths = (table) => `SELECT a, b, count(*) FROM
  (SELECT kind b, lag(kind) OVER (PARTITION BY customer ORDER BY second) a FROM ${table} WHERE second >= ${NOW - 90 * DAY})
  WHERE a IS NOT NULL GROUP BY a, b ORDER BY a, b`

const both = (statement) => [statement('by_customer'), statement('by_kind')]
const ways = {
  'engine-funnel': both((table) => funnel(table, [3, 4, 8, 9])),
  'engine-funnel-sparse': both((table) => funnel(table, [0, 1, 2, 9])),
  'engine-segment': both(segment),
  'engine-rfm': both(rfm),
  'engine-cohort': [cohort('by_customer')],
  'engine-channels': [channels('by_customer')],
  'engine-repurchase': both(repurchase).flat(),
  'engine-paths': [paths('by_customer')],
}

// ---- the process -----------------------------------------------------------------------------------

const load = async (connection, folder) => {
  const columns = `{customer: 'UINTEGER', second: 'INTEGER', kind: 'UTINYINT', channel: 'UTINYINT', amount: 'UINTEGER'}`
  await connection.run(`CREATE TABLE tag AS SELECT * FROM
    read_csv('${join(folder, 'tags.csv')}', header = false, columns = {customer: 'UINTEGER', tag: 'USMALLINT'})`)
  await connection.run(`CREATE TABLE by_customer AS SELECT * FROM
    read_csv('${join(folder, 'events.csv')}', header = false, columns = ${columns}) ORDER BY customer, second`)
  await connection.run('CREATE TABLE by_kind AS SELECT * FROM by_customer ORDER BY kind, customer, second')
  await connection.run('CHECKPOINT')
}

const serve = async (folder) => {
  const { DuckDBInstance, version } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(join(folder, 'duck.db'), { threads: '1', memory_limit: '9GB' })
  const connection = await instance.connect()
  await load(connection, folder)
  process.on('message', async (statement) => {
    try {
      const rows = await (await connection.runAndReadAll(statement)).getRows()
      process.send({ rows: rows.map((row) => row.map(Number)) })
    } catch (error) {
      process.send({ error: error.message })
    }
  })
  process.on('disconnect', () => process.exit(0))
  process.send({ version: version() })
}

export const openDuck = async (folder) => {
  try {
    await import('@duckdb/node-api')
  } catch {
    return 'DuckDB is not installed (make bench installs it)'
  }
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const next = () =>
    new Promise((done, failed) => {
      const over = () => failed(new Error('DuckDB ended'))
      child.once('exit', over)
      child.once('message', (said) => {
        child.off('exit', over)
        if (said.error) failed(new Error(`DuckDB: ${said.error}`))
        else done(said)
      })
    })
  const { version } = await next()
  return {
    name: `DuckDB ${version.replace(/^v/, '')}`,
    pid: child.pid,
    ways: (name) => ways[name],
    ask: async (statement) => {
      const answered = next()
      child.send(statement)
      return (await answered).rows
    },
    close: () => {
      const gone = new Promise((done) => child.once('exit', done))
      child.disconnect()
      return gone
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2])
