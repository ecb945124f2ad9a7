// kill -9 while events are posted: what was acknowledged is there, once, and every invariant holds.
// KILL_ROUNDS: 10 here, 50 in soak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { behaviours, isShared, makeFolder, nap, papilio, setUp, sqlRows, startServer, until } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10);

function eventOf(id) {
    return {
        message_id: id, kind: "page_viewed", properties: { url: `https://shop.example/${id}` },
        customer: { kind: "member_no", value: `m${id.length}-${id.charCodeAt(id.length - 1) % 7}` },
    };
}

// Posts until the server is gone: single events and batches in turn.
async function post(person, name, acknowledged) {
    for (let i = 0; ; i++) {
        const ids = Array.from({ length: i % 3 === 2 ? 20 : 1 }, (_, k) => `${name}-${i}-${k}`);
        const events = ids.map(eventOf);
        try {
            const { status, json } = await person.ask("/api/v1/events", events.length === 1 ? events[0] : { events });
            assert.equal(status, 200, JSON.stringify(json));
            assert.equal(json.accepted_count, ids.length);
            acknowledged.push(...ids);
        } catch (error) {
            if (error instanceof assert.AssertionError)
                throw error;
            return;
        }
    }
}

// In rows and in pages.
function storedCounts(folder) {
    const counts = new Map(), rows = sqlRows(folder, "SELECT properties FROM journal WHERE kind = 'page_viewed'");
    for (const properties of [...rows.map(([text]) => text), ...behaviours(folder).map((event) => event.properties)]) {
        const id = JSON.parse(properties).url.slice("https://shop.example/".length);
        counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
}

test(`events survive kill -9, ${rounds} rounds`, { timeout: 600_000 }, async (t) => {
    const folder = makeFolder(t), acknowledged = [];
    let server = await startServer(t, folder);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `r${round}p${k}`, acknowledged));
        await nap(50 + Math.random() * 300);
        await until(() => acknowledged.length > round * 10, "nothing is taken any more");
        await server.kill("SIGKILL");
        await Promise.all(posters);
        server = await startServer(t, folder);
        person.url = server.url;
    }
    const again = await person.ask("/api/v1/events", { events: acknowledged.slice(-50).map(eventOf) });
    assert.equal(again.json.accepted_count, 0);
    assert.equal(again.json.duplicate_count, Math.min(50, acknowledged.length));
    assert.deepEqual(await server.kill(), { code: 0, signal: null });

    assert.equal(behaviours(folder).length > 0, !isShared);
    const stored = storedCounts(folder);
    assert.deepEqual(acknowledged.filter((id) => stored.get(id) !== 1), []);
    assert.deepEqual([...stored].filter(([, count]) => count !== 1), []);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
