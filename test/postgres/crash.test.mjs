// kill -9 of a node, and of the whole database, while events are posted: what was acknowledged is there, once, and every
// invariant holds. KILL_ROUNDS: 5 of each here, more in soak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nap, setUp } from "../api/papilio.mjs";
import { check, makeNodes, makeSchema, restartDatabase, startNode } from "./base.mjs";
import { eventOf, post, untilMore, verify } from "./events.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10) / 2;
test("a node is killed and starts again", { timeout: 900_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), acknowledged = [];
    let server = await startNode(t, schema, folders[0], keyFile);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const state = { codes: new Set() };
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `r${round}p${k}`, acknowledged, state));
        await nap(100 + Math.random() * 300);
        await untilMore(acknowledged, state.codes, round * 5);
        await server.kill("SIGKILL");
        await Promise.all(posters);
        server = await startNode(t, schema, folders[0], keyFile);
        person.url = server.url;
    }
    const again = await person.ask("/api/v1/events", { events: acknowledged.slice(-50).map(eventOf) });
    assert.equal(again.json.accepted_count, 0);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    verify(schema, acknowledged);
    assert.equal(schema.sql("SELECT count(*) FROM node"), "1"); // its folder is the node
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});

test("the database is killed and comes back; the node goes on by itself", { timeout: 900_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), acknowledged = [], codes = new Set();
    const server = await startNode(t, schema, folders[0], keyFile);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const state = { codes };
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `d${round}p${k}`, acknowledged, state));
        await nap(100 + Math.random() * 300);
        restartDatabase();
        await untilMore(acknowledged, codes);
        state.isOver = true;
        await Promise.all(posters);
        verify(schema, acknowledged);
    }
    t.diagnostic(`${acknowledged.length} events; meanwhile: ${[...codes].sort().join(" ")}`);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});
