// ClickHouse as a peer of engine.bench.mjs: a server of its own in the folder, two tables, one part each: sorted by customer and time,
// and by kind, customer and time. A way is one statement, or two where the second needs numbers that the first finds.
import { spawn, spawnSync } from 'node:child_process'
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { request } from 'node:http'
import { join } from 'node:path'

const DAY = 86400
const NOW = 365 * DAY
const WEEK = 7 * DAY

const funnel = (table, kinds) => `SELECT level, count() FROM (SELECT customer,
  windowFunnel(${WEEK})(second, ${kinds.map((kind) => `kind = ${kind}`).join(', ')}) AS level
  FROM ${table} WHERE kind IN (${kinds}) GROUP BY customer) GROUP BY level ORDER BY level`

const segment = (table) => `SELECT count() FROM (SELECT customer FROM ${table}
  PREWHERE second >= ${NOW - 90 * DAY} AND kind IN (2, 3, 9)
  WHERE customer IN (SELECT customer FROM tag WHERE tag IN (3, 17, 42, 99, 250)) GROUP BY customer
  HAVING countIf(kind = 3 AND second >= ${NOW - 30 * DAY}) >= 3 AND countIf(kind = 9) >= 1
    AND countIf(kind = 2 AND second >= ${NOW - 7 * DAY}) = 0)`

const buyers = `(SELECT max(second) r, count() f, sum(amount) m FROM by_kind WHERE kind = 9 GROUP BY customer)`
const fifth = (value, bounds) => `1${bounds.map((bound) => ` + (${value} > ${bound})`).join('')}`
// Its quantilesExact takes the value behind the bound where n / 5 is whole; a little less, and it takes the same as everybody.
const rfm = [
  `SELECT ${['r', 'f', 'm'].map((value) => `quantilesExact(0.199999999, 0.399999999, 0.599999999, 0.799999999)(${value})`)} FROM ${buyers}`,
  (found) => {
    const bounds = found.match(/\d+/g)
    return `SELECT ${['r', 'f', 'm'].map((value, at) => `${fifth(value, bounds.slice(at * 4, at * 4 + 4))} s${value}`)}, count()
      FROM ${buyers} GROUP BY sr, sf, sm ORDER BY sr, sf, sm`
  },
]

const cohort = `SELECT c, ${Array.from({ length: 12 }, (_, week) => `sum(bitTest(mask, c + ${week}))`)}, count() FROM
  (SELECT intDiv(min(second), ${WEEK}) c, groupBitOr(bitShiftLeft(toUInt64(1), intDiv(second, ${WEEK}))) mask
  FROM by_customer GROUP BY customer HAVING c >= 28 AND c < 40) GROUP BY c ORDER BY c`

const channels = [
  `SELECT channel, uniqExact(customer), uniqExactIf(customer, kind = 9), countIf(kind = 9), sumIf(amount, kind = 9)
    FROM by_customer GROUP BY channel ORDER BY channel`,
  `SELECT channel, count(), countIf(o > 0), sum(o), sum(paid) FROM
    (SELECT channel, customer, countIf(kind = 9) o, sumIf(amount, kind = 9) paid FROM by_customer GROUP BY channel, customer)
    GROUP BY channel ORDER BY channel`,
]

const repurchase = `SELECT intDiv(t[2] - t[1], ${DAY}) d, count() FROM
  (SELECT arraySort(groupArray(second)) t FROM by_kind WHERE kind = 9 GROUP BY customer HAVING length(t) >= 2)
  GROUP BY d ORDER BY d`

const paths = `SELECT intDiv(p, 256) a, p % 256 b, count() FROM
  (SELECT arrayJoin(arrayMap((a, b) -> a * 256 + b, arrayPopBack(t), arrayPopFront(t))) p FROM
    (SELECT arrayMap(x -> toUInt32(bitAnd(x, 255)),
      arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(second), 8), toUInt64(kind))))) t
    FROM by_customer WHERE second >= ${NOW - 90 * DAY} GROUP BY customer))
  GROUP BY p ORDER BY a, b`

const both = (statement) => ['by_kind', 'by_customer'].map((table) => [statement(table)])
const ways = {
  'engine-funnel': both((table) => funnel(table, [3, 4, 8, 9])),
  'engine-funnel-sparse': both((table) => funnel(table, [0, 1, 2, 9])),
  'engine-segment': both(segment),
  'engine-rfm': [rfm],
  'engine-cohort': [[cohort]],
  'engine-channels': channels.map((one) => [one]),
  'engine-repurchase': [[repurchase]],
  'engine-paths': [[paths]],
}

// ---- the server ----------------------------------------------------------------------------------

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })

const configure = (folder, port, tcpPort) => {
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.xml'), `<yandex>
  <logger><level>error</level><log>${folder}/log</log><errorlog>${folder}/errors</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><http_port>${port}</http_port><tcp_port>${tcpPort}</tcp_port>
  <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path><user_files_path>${folder}/files/</user_files_path>
  <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size></yandex>\n`)
  writeFileSync(join(folder, 'users.xml'), `<yandex>
  <profiles><default><max_threads>1</max_threads><max_memory_usage>0</max_memory_usage></default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <quotas><default></default></quotas></yandex>\n`)
}

// A statement alone, or with rows to be read behind it.
const say = (port, statement, rows) =>
  new Promise((done, failed) => {
    const path = rows ? `/?query=${encodeURIComponent(statement)}` : '/'
    const asked = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false }, (reply) => {
      let text = ''
      reply.setEncoding('utf8')
      reply.on('data', (some) => (text += some))
      reply.on('end', () => (reply.statusCode === 200 ? done(text) : failed(new Error(`ClickHouse: ${text.slice(0, 400)}`))))
    })
    asked.on('error', failed)
    if (rows) rows.pipe(asked)
    else asked.end(statement)
  })

const untilUp = async (port, child) => {
  while (child.exitCode === null) {
    try {
      return await say(port, 'SELECT version()')
    } catch (error) {
      if (error.code !== 'ECONNREFUSED') throw error
      await new Promise((done) => setTimeout(done, 50))
    }
  }
  throw new Error('ClickHouse ended')
}

const tables = {
  by_customer: 'customer, second',
  by_kind: 'kind, customer, second',
}

const load = async (port, folder) => {
  const columns = 'customer UInt32, second UInt32, kind UInt8, channel UInt8, amount UInt32'
  const settled = async (table) =>
    (await say(port, `SELECT count() FROM system.parts WHERE table = '${table}' AND active`)).trim() === '1'
  await say(port, 'CREATE TABLE tag (customer UInt32, tag UInt16) ENGINE = MergeTree ORDER BY (tag, customer)')
  await say(port, 'INSERT INTO tag FORMAT CSV', createReadStream(join(folder, 'tags.csv')))
  for (const [table, key] of Object.entries(tables)) {
    await say(port, `CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY (${key})`)
    if (table === 'by_customer') await say(port, `INSERT INTO ${table} FORMAT CSV`, createReadStream(join(folder, 'events.csv')))
    else await say(port, `INSERT INTO ${table} SELECT * FROM by_customer`)
    while (!(await settled(table))) await say(port, `OPTIMIZE TABLE ${table} FINAL`)
  }
}

export const openClickHouse = async (base) => {
  const found = ['/usr/sbin', '/usr/bin'].map((folder) => join(folder, 'clickhouse-server'))
    .find((path) => spawnSync(path, ['--help']).error === undefined)
  if (!found) return 'ClickHouse is not installed (scripts/deps.sh bench)'
  const folder = join(base, 'clickhouse'), port = await freePort()
  configure(folder, port, await freePort())
  const kill = () => child.kill('SIGKILL') // it would go on without us
  const child = spawn(found, [`--config-file=${join(folder, 'config.xml')}`], { cwd: folder, stdio: 'ignore' })
  const gone = new Promise((done) => child.once('exit', done))
  const close = () => {
    process.off('exit', kill)
    kill()
    return gone
  }
  process.once('exit', kill)
  try {
    const version = (await untilUp(port, child)).trim()
    await load(port, base)
    return {
      name: `ClickHouse ${version}`,
      pid: child.pid,
      ways: (name) => ways[name],
      ask: async ([first, second]) => {
        const text = await say(port, first)
        return (second ? await say(port, second(text)) : text).split('\n').filter(Boolean).map((line) => line.split('\t').map(Number))
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
