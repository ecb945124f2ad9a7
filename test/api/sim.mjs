// The simulated program under load: people claim, money goes back, notices leave, timers run; and what must be true of it
// afterwards, whatever was killed on the way. `rows` is SQL on its base.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { makeCustomers, makeGiveaway, send } from "./giveaway.mjs";
import { program } from "./papilio.mjs";

export const simServer = join(dirname(program), "test", "sim_server");
const points = 3;

// Takes notices; of ten it refuses one, forgets to answer one, and answers one late. taken: those it said yes to, in order.
export async function startSink(t) {
    const arrived = new Map(), taken = new Set();
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
            taken.add(body);
            setTimeout(() => reply.writeHead(200).end(), mood === 2 ? 100 : 0);
        });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    t.after(() => { server.closeAllConnections(); server.close(); });
    return { arrived, taken, port: server.address().port };
}

// What the servers are told by their environment.
export async function makeOutside(t, folder) {
    const sink = await startSink(t), payee = join(folder, "payee");
    process.env.SIM_PAYEE = payee;
    process.env.SIM_NOTICE = String(sink.port);
    return { sink, payee };
}

export async function makeWorld(person, count) {
    return {
        person, customers: await makeCustomers(person, count), asked: 0, rewards: [], claimers: new Map(), sagas: [],
        campaign: await makeGiveaway(person, { stock_count: 1_000_000, day_limit_count: 1000, points_count: points }),
    };
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

// Works through the queue and, as long as isOn says so, has more to ask; until the server is gone.
export async function post(world, poster, queue, isOn, person = world.person) {
    for (;;) {
        if (!queue.length) {
            if (!isOn())
                return;
            const customer_id = world.customers[Math.random() * world.customers.length | 0];
            queue.push({ path: `/api/giveaways/${world.campaign}/claims`, body: { customer_id }, key: `${poster} ${world.asked++}` });
        }
        const { path, body } = queue[0], json = await ask(person, queue);
        if (!json)
            return;
        if (path === "/api/sim/refunds") {
            world.sagas.push(json.saga_id);
        } else {
            world.rewards.push(json.reward_id);
            world.claimers.set(json.reward_id, body.customer_id);
            if (world.rewards.length % 3 === 0)
                queue.push({
                    path: "/api/sim/refunds", key: `back ${json.reward_id}`,
                    body: { reward_id: json.reward_id, customer_id: body.customer_id, amount_fen: 1 + world.asked },
                });
        }
    }
}

// What met many kills waits longer before each further attempt, and who comes behind it in order waits with it: minutes.
export async function settled(rows) {
    for (let i = 0; i < 3000; i++) {
        const [[open]] = rows(`SELECT (SELECT count(*) FROM saga WHERE due_ms IS NOT NULL)
            + (SELECT count(*) FROM timer WHERE kind = 'sim_thanks') + (SELECT count(*) FROM outbox WHERE status = 'waiting')`);
        if (open === "0")
            return;
        await new Promise((done) => setTimeout(done, 200));
    }
    assert.fail("something is never over: " + rows(`SELECT 'saga', id, status FROM saga WHERE due_ms IS NOT NULL
        UNION ALL SELECT kind, key_id, error_message FROM timer UNION ALL
        SELECT 'outbox', id, error_message FROM outbox WHERE status = 'waiting' LIMIT 10`).join("\n"));
}

const byId = (a, b) => (BigInt(a) < BigInt(b) ? -1 : 1);

// Of each person the notices were taken in the order of their rewards.
function verifyOrder(world, sink) {
    const last = new Map();
    for (const id of sink.taken) {
        const customer = world.claimers.get(id), before = last.get(customer);
        assert.ok(before === undefined || BigInt(before) < BigInt(id), `${id} was taken behind ${before} of the same person`);
        last.set(customer, id);
    }
}

export function verify(world, { sink, payee }, rows) {
    // The same key once more was the same reward: as many rewards as keys.
    const stored = rows("SELECT id, status, CASE WHEN risk_reason IS NULL THEN 1 ELSE 0 END FROM reward_grant ORDER BY id");
    assert.deepEqual(stored.map(([id]) => id), [...world.rewards].sort(byId));

    // Each payment that was acknowledged is there and over; money moved once under its number and under no other.
    const sagas = rows("SELECT id, status FROM saga ORDER BY id");
    assert.deepEqual(sagas.map(([id]) => id), [...world.sagas].sort(byId));
    assert.deepEqual(sagas.filter(([, status]) => status !== "succeeded"), []);
    const book = readFileSync(payee, "utf8").split("\n");
    const paid = book.filter((line) => line.startsWith("pay ")).map((line) => line.split(" ")[1]);
    assert.deepEqual(paid.sort(), [...world.sagas].sort());

    // A notice for each, under one key and in order; thanks for each, once.
    const given = stored.filter(([, , isGiven]) => isGiven === "1").map(([id]) => id);
    assert.deepEqual(given.filter((id) => !sink.arrived.has(id)), []);
    assert.deepEqual([...sink.arrived].filter(([id, keys]) => keys.size !== 1 || !given.includes(id)), []);
    verifyOrder(world, sink);
    const thanks = rows("SELECT subject_id, used_count FROM counter WHERE name = 'sim_thanks' ORDER BY 1");
    assert.deepEqual(thanks, given.map((id) => [id, "1"]));
    return `${stored.length} rewards, ${sagas.length} payments (${book.filter((line) => line.startsWith("ask ")).length} asked ` +
        `about), ${sink.arrived.size} notices`;
}
