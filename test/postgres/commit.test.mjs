// The connection goes between a COMMIT and its answer: who asked hears the truth, or that nobody knows it; nothing happens twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setUp, until } from "../api/papilio.mjs";
import { check, makeNodes, makeSchema, startNode } from "./base.mjs";
import { startProxy } from "./proxy.mjs";


// Regions, by which the proxy knows the statements it is to hold or cut; no statement of the program has such words.
const DONE = "cut, done", UNDONE = "cut, undone", UNKNOWN = "cut, unknown", HELD = "held here";

async function open(t) {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), proxy = await startProxy(t, schema);
    const server = await startNode(t, { ...schema, url: proxy.url }, folders[0], keyFile);
    const person = await setUp(server);
    const add = (phone, region, key) =>
        person.ask("/api/customers", { phone, region }, key ? { "Idempotency-Key": key } : {});
    const count = (region) => Number(schema.sql(`SELECT count(*) FROM customer WHERE region = '${region}'`));
    const readCount = async () => Number(/^papilio_http_requests_total (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
    const end = async () => {
        assert.deepEqual(await server.kill(), { code: 0, signal: null });
        const done = check(schema, folders[0], keyFile);
        assert.equal(done.code, 0, done.out + done.err);
    };
    return { proxy, add, count, readCount, end };
}

// Once it has been cut the database is there again.
async function isBack(proxy) {
    await until(() => proxy.hasCut, "nothing was cut");
    Object.assign(proxy, { isDown: false, hasCut: false });
}

// The answer to what met the cut. A connection that is not back from the one before says so without asking the base: once more, then.
async function answerOfCut(proxy, ask) {
    const before = proxy.cutCount;
    return until(async () => {
        const reply = await ask();
        if (proxy.cutCount > before)
            return reply;
        assert.equal(reply.status, 503, JSON.stringify(reply.json));
    }, "nothing is taken any more");
}

// Each connection comes back in its own time; until then it says that it is busy.
async function answered(ask) {
    return until(async () => {
        const reply = await ask();
        if (reply.status !== 503)
            return reply;
        assert.match(reply.json.error.code, /^(busy|database\.lost)$/);
    }, "nothing is taken any more");
}

test("a connection that comes back brings the true answer, done or not", { timeout: 600_000 }, async (t) => {
    const { proxy, add, count, end } = await open(t);
    Object.assign(proxy, { cut: DONE, loses: "answer" });
    const back = isBack(proxy);
    const done = await answerOfCut(proxy, () => add("13900000001", DONE));
    await back;
    assert.equal(done.status, 200, JSON.stringify(done.json)); // without a key, too
    assert.equal(count(DONE), 1);
    assert.equal((await answered(() => add("13900000008", "well"))).status, 200);

    Object.assign(proxy, { cut: UNDONE, loses: "request" });
    const again = isBack(proxy);
    const undone = await answerOfCut(proxy, () => add("13900000002", UNDONE, "key"));
    await again;
    assert.equal(undone.status, 503, JSON.stringify(undone.json));
    assert.equal(undone.json.error.code, "database.lost");
    assert.equal(count(UNDONE), 0);
    assert.equal((await answered(() => add("13900000002", UNDONE, "key"))).status, 200);
    assert.equal(count(UNDONE), 1);
    await end();
});

test("no connection comes back: commit.unknown; the same key then gets the kept answer", { timeout: 600_000 }, async (t) => {
    const { proxy, add, count, readCount, end } = await open(t);
    Object.assign(proxy, { hold: HELD, cut: UNKNOWN, loses: "answer" });
    const before = add("13900000003", HELD); // while the writer waits in it, the next two make one group
    await until(() => proxy.isHolding, "nothing was held");
    const begun = await readCount();
    const both = [add("13900000004", UNKNOWN, "key"), add("13900000005", UNKNOWN)];
    let asked = 0; // which is read, too
    await until(async () => await readCount() >= begun + ++asked + both.length, "they do not wait for the writer");
    proxy.release();
    assert.equal((await before).status, 200);
    for (const { status, json } of await Promise.all(both)) {
        assert.equal(status, 503, JSON.stringify(json));
        assert.equal(json.error.code, "commit.unknown");
    }
    assert.ok(proxy.isDown);
    Object.assign(proxy, { isDown: false, hasCut: false });
    assert.equal(count(UNKNOWN), 2); // it had happened
    const kept = await answered(() => add("13900000004", UNKNOWN, "key"));
    assert.equal(kept.status, 200, JSON.stringify(kept.json));
    assert.equal((await answered(() => add("13900000005", UNKNOWN))).json.error.code, "customer.exists");
    assert.equal(count(UNKNOWN), 2);
    await end();
});
