// kill -9 while people claim, money goes back, notices leave and timers run: what was acknowledged is there, a repeat
// under the same key is the same, money moves once under each number, timers ran once, and every invariant holds.
// SIM_KILL_ROUNDS: 10 here, 200 in soak.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { makeCustomers, makeGiveaway, send } from "./giveaway.mjs";
import { makeFolder, papilio, program, setUp, startServer } from "./papilio.mjs";

const rounds = Number(process.env.SIM_KILL_ROUNDS ?? 10), points = 3, posters = 8;
const simServer = join(dirname(program), "test", "sim_server");

// Takes notices; of ten it refuses one, forgets to answer one, and answers one late.
async function startSink(t) {
    const arrived = new Map();
    const server = createServer((request, reply) => {
        let body = "";
        request.on("data", (part) => { body += part; }).on("end", () => {
            const mood = Math.random() * 10 | 0;
            if (mood === 0)
                return reply.writeHead(503).end();
            const keys = arrived.get(body) ?? new Set();
            arrived.set(body, keys.add(request.headers["idempotency-key"]));
            if (mood === 1)
                return request.socket.destroy();
            setTimeout(() => reply.writeHead(200).end(), mood === 2 ? 100 : 0);
        });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    t.after(() => { server.closeAllConnections(); server.close(); });
    return { arrived, port: server.address().port };
}

function rows(folder, sql) {
    const done = spawnSync("sqlite3", ["-readonly", join(folder, "papilio.db"), sql], { encoding: "utf8", maxBuffer: 1 << 28 });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.trim().split("\n").filter(Boolean).map((line) => line.split("|"));
}

// Asks until it is answered, also by a later server; null: that of this round is gone.
async function ask(person, queue) {
    const { path, body, key } = queue[0];
    try {
        const { status, json } = await send(person, path, body, key);
        assert.equal(status, 200, `${path} ${JSON.stringify(json)}`);
        queue.shift();
        return json;
    } catch (error) {
        if (error instanceof assert.AssertionError)
            throw error;
        return null;
    }
}

async function post(world, poster, queue, isOn) {
    for (;;) {
        if (!queue.length) {
            if (!isOn())
                return;
            const customer_id = world.customers[Math.random() * world.customers.length | 0];
            queue.push({ path: `/api/giveaways/${world.campaign}/claims`, body: { customer_id }, key: `${poster} ${world.asked++}` });
        }
        const { path, body } = queue[0], json = await ask(world.person, queue);
        if (!json)
            return;
        if (path === "/api/sim/refunds") {
            world.sagas.push(json.saga_id);
        } else {
            world.rewards.push(json.reward_id);
            if (world.rewards.length % 3 === 0)
                queue.push({
                    path: "/api/sim/refunds", key: `back ${json.reward_id}`,
                    body: { reward_id: json.reward_id, customer_id: body.customer_id, amount_fen: 1 + world.asked },
                });
        }
    }
}

async function settled(folder) {
    for (let i = 0; i < 600; i++) {
        const [[open]] = rows(folder, `SELECT (SELECT count(*) FROM saga WHERE due_ms IS NOT NULL)
            + (SELECT count(*) FROM timer WHERE kind = 'sim_thanks') + (SELECT count(*) FROM outbox WHERE status = 'waiting')`);
        if (open === "0")
            return;
        await new Promise((done) => setTimeout(done, 200));
    }
    assert.fail("something is never over: " + rows(folder, `SELECT 'saga', id, status FROM saga WHERE due_ms IS NOT NULL
        UNION ALL SELECT kind, key_id, error_message FROM timer UNION ALL
        SELECT 'outbox', id, error_message FROM outbox WHERE status = 'waiting' LIMIT 10`).join("\n"));
}

test(`claims, payments, notices and timers survive kill -9, ${rounds} rounds`, { timeout: 3_600_000 }, async (t) => {
    const folder = makeFolder(t), sink = await startSink(t), payee = join(folder, "payee");
    process.env.SIM_PAYEE = payee;
    process.env.SIM_NOTICE = String(sink.port);
    let server = await startServer(t, folder, [], simServer);
    const person = await setUp(server);
    const world = { person, customers: await makeCustomers(person, 200), asked: 0, rewards: [], sagas: [] };
    world.campaign = await makeGiveaway(person, { stock_count: 1_000_000, day_limit_count: 1000, points_count: points });
    const queues = Array.from({ length: posters }, () => []);

    for (let round = 0; round < rounds; round++) {
        let isOn = true;
        const all = queues.map((queue, i) => post(world, i, queue, () => isOn));
        await new Promise((done) => setTimeout(done, 100 + Math.random() * 400));
        await server.kill("SIGKILL");
        isOn = false;
        await Promise.all(all);
        server = await startServer(t, folder, [], simServer);
        person.url = server.url;
    }
    await Promise.all(queues.map((queue, i) => post(world, i, queue, () => false)));
    await settled(folder);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });

    // The same key once more was the same reward: as many rewards as keys.
    const stored = rows(folder, "SELECT id, status, risk_reason IS NULL FROM reward_grant ORDER BY id");
    assert.ok(world.rewards.length > rounds * 3, `only ${world.rewards.length} claims`);
    assert.deepEqual(stored.map(([id]) => id), [...world.rewards].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));

    // Each payment that was acknowledged is there and over; money moved once under its number and under no other.
    const sagas = rows(folder, "SELECT id, status FROM saga ORDER BY id");
    assert.deepEqual(sagas.map(([id]) => id), [...world.sagas].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
    assert.deepEqual(sagas.filter(([, status]) => status !== "succeeded"), []);
    const paid = readFileSync(payee, "utf8").split("\n").filter((line) => line.startsWith("pay ")).map((line) => line.split(" ")[1]);
    assert.deepEqual(paid.sort(), world.sagas.sort());
    const asked = readFileSync(payee, "utf8").split("\n").filter((line) => line.startsWith("ask ")).length;

    // A notice for each, under one key; thanks for each, once.
    const given = stored.filter(([, , isGiven]) => isGiven === "1").map(([id]) => id);
    assert.deepEqual(given.filter((id) => !sink.arrived.has(id)), []);
    assert.deepEqual([...sink.arrived].filter(([id, keys]) => keys.size !== 1 || !given.includes(id)), []);
    const thanks = rows(folder, "SELECT subject_id, used_count FROM counter WHERE name = 'sim_thanks' ORDER BY 1");
    assert.deepEqual(thanks, given.map((id) => [id, "1"]));
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out);
    t.diagnostic(`${stored.length} rewards, ${sagas.length} payments (${asked} asked about), ${sink.arrived.size} notices`);
});
