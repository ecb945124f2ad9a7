// kill -9 of a node, and of the whole database, while events are posted: what was acknowledged is there, once, and every
// invariant holds. KILL_ROUNDS: 5 of each here, more in soak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setUp } from "../api/papilio.mjs";
import { check, makeNodes, makeSchema, restartDatabase, startNode } from "./base.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10) / 2;
const nap = (ms) => new Promise((done) => setTimeout(done, ms));

const eventOf = (id) => ({
    message_id: id, kind: "page_viewed", properties: { url: `https://shop.example/${id}` },
    customer: { kind: "member_no", value: `m${id.length}-${id.charCodeAt(id.length - 1) % 7}` },
});

// Posts until told to stop or the server is gone. While the database is away the answer is a 503 that says so.
async function post(person, name, acknowledged, state) {
    for (let i = 0; !state.isOver; i++) {
        const ids = Array.from({ length: i % 3 === 2 ? 20 : 1 }, (_, k) => `${name}-${i}-${k}`);
        let reply;
        try {
            reply = await person.ask("/api/v1/events", ids.length === 1 ? eventOf(ids[0]) : { events: ids.map(eventOf) });
        } catch {
            return;
        }
        if (reply.status === 200) {
            assert.equal(reply.json.accepted_count, ids.length);
            acknowledged.push(...ids);
            continue;
        }
        assert.equal(reply.status, 503, JSON.stringify(reply.json));
        assert.match(reply.json.error.code, /^(database\.lost|commit\.unknown|busy)/);
        state.codes.add(reply.json.error.code);
        await nap(20);
    }
}

function stored(schema) {
    const rows = schema.sql("SELECT properties::json ->> 'url', count(*) FROM journal WHERE kind = 'page_viewed' GROUP BY 1");
    return new Map(rows.split("\n").filter(Boolean).map((line) => {
        const [url, count] = line.split("|");
        return [url.slice("https://shop.example/".length), Number(count)];
    }));
}

function verify(schema, acknowledged) {
    const there = stored(schema);
    assert.deepEqual(acknowledged.filter((id) => there.get(id) !== 1), []);
    assert.deepEqual([...there].filter(([, count]) => count !== 1), []);
}

test("a node is killed and starts again", { timeout: 300_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), acknowledged = [];
    let server = await startNode(t, schema, folders[0], keyFile);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const state = { codes: new Set() };
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `r${round}p${k}`, acknowledged, state));
        await nap(100 + Math.random() * 300);
        await server.kill("SIGKILL");
        await Promise.all(posters);
        server = await startNode(t, schema, folders[0], keyFile);
        person.url = server.url;
    }
    const again = await person.ask("/api/v1/events", { events: acknowledged.slice(-50).map(eventOf) });
    assert.equal(again.json.accepted_count, 0);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    assert.ok(acknowledged.length > rounds * 5, `only ${acknowledged.length} events were posted`);
    verify(schema, acknowledged);
    assert.equal(schema.sql("SELECT count(*) FROM node"), "1"); // its folder is the node
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out);
});

test("the database is killed and comes back; the node goes on by itself", { timeout: 300_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), acknowledged = [], codes = new Set();
    const server = await startNode(t, schema, folders[0], keyFile);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const state = { codes };
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `d${round}p${k}`, acknowledged, state));
        await nap(100 + Math.random() * 300);
        restartDatabase();
        for (const from = acknowledged.length, end = Date.now() + 30_000; acknowledged.length === from;) {
            assert.ok(Date.now() < end, `nothing is taken any more: ${[...codes]}`);
            await nap(50);
        }
        state.isOver = true;
        await Promise.all(posters);
        verify(schema, acknowledged);
    }
    t.diagnostic(`${acknowledged.length} events; meanwhile: ${[...codes].sort().join(" ")}`);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out);
});
