// kill -9 while events are posted and asked about: an answer has what was acknowledged before it was asked for, each event
// once, whatever of the engine's files was written when the server died, and whatever else was being asked. Now and then it ends
// in order and leaves the file of people, which the kills after it make old. KILL_ROUNDS: 10 here, 200 in soak.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { behaviours, makeFolder, nap, papilio, setUp, sqlRows, startServer, until } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10);
const question = { version: 1, ask: "breakdown", events: { kind: "page_viewed" }, by: "kind" };

function eventOf(id) {
    return {
        message_id: id, kind: "page_viewed", properties: { url: `https://shop.example/${id}` },
        customer: { kind: "member_no", value: `m${id.charCodeAt(id.length - 1) % 7}` },
    };
}

async function counted(person) {
    const { status, json } = await person.ask("/api/audience/query", { query: question });
    assert.equal(status, 200, JSON.stringify(json));
    return json.rows.length === 0 ? 0 : json.rows[0][2];
}

// One after another: posts, then asks. What the last post came to before a kill is not known.
async function postAndAsk(person, name, world) {
    for (let i = 0; ; i++) {
        const ids = Array.from({ length: i % 3 === 2 ? 20 : 1 }, (_, k) => `${name}-${i}-${k}`);
        try {
            world.unsure = ids.length;
            const { status, json } = await person.ask("/api/v1/events", { events: ids.map(eventOf) });
            assert.equal(status, 200, JSON.stringify(json));
            world.known += ids.length;
            world.unsure = 0;
            assert.equal(await counted(person), world.known);
        } catch (error) {
            if (error instanceof assert.AssertionError)
                throw error;
            return;
        }
    }
}

// Questions that look at everything, while others post.
const others = [
    { version: 1, ask: "segment", who: { all: [{ did: { kind: "page_viewed" }, at_least: 3 }, { attribute: "added_day", exists: true }] } },
    { version: 1, ask: "funnel", funnel: { steps: [{ kind: "page_viewed" }, { kind: "page_viewed" }], within_seconds: 60 } },
    { version: 1, ask: "trend", events: { within: { units: "day", count: 3, current: true } }, units: "day" },
    { version: 1, ask: "rfm", events: { kind: "page_viewed" }, of: "amount" },
];
async function askUntilKilled(person, world) {
    for (let i = 0; ; i++) {
        try {
            const { status, json } = await person.ask("/api/audience/query", { query: others[i % others.length] });
            assert.equal(status, 200, JSON.stringify(json));
            world.asked++;
        } catch (error) {
            if (error instanceof assert.AssertionError)
                throw error;
            return;
        }
    }
}

function storedCount(folder) {
    return Number(sqlRows(folder, "SELECT count(*) FROM journal WHERE kind = 'page_viewed'")[0][0]) + behaviours(folder).length;
}

test(`answers over kill -9, ${rounds} rounds`, { timeout: 600_000 + rounds * 10_000 }, async (t) => {
    const folder = makeFolder(t), world = { known: 0, unsure: 0, asked: 0 };
    let server = await startServer(t, folder);
    const person = await setUp(server);

    for (let round = 0; round < rounds; round++) {
        const posting = Promise.all([postAndAsk(person, `r${round}`, world), askUntilKilled(person, world)]);
        await nap(100 + Math.random() * 400);
        await Promise.race([posting, until(() => world.asked > round && world.known > round, "nothing is answered")]);
        await server.kill("SIGKILL");
        await posting;
        server = await startServer(t, folder);
        person.url = server.url;
        const count = await counted(person);
        assert.ok(count === world.known || count === world.known + world.unsure,
            `${count} are told of, ${world.known} and perhaps ${world.unsure} were posted`);
        world.known = count;
        if (round % 3 === 0) {
            assert.deepEqual(await server.kill(), { code: 0, signal: null });
            server = await startServer(t, folder);
            person.url = server.url;
        }
    }
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    assert.equal(storedCount(folder), world.known);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});

test("any file of the engine cut, damaged or lost: the answers are the same", { timeout: 600_000 }, async (t) => {
    const folder = makeFolder(t), engine = join(folder, "engine");
    let server = await startServer(t, folder);
    const person = await setUp(server);
    await person.ask("/api/v1/events", { events: Array.from({ length: 200 }, (_, k) => eventOf(`d-${k}`)) });
    assert.equal(await counted(person), 200);
    await server.kill();

    const files = readdirSync(engine).filter((name) => name !== "lock");
    assert.ok(files.some((name) => name.startsWith("log-")), files.join(" "));
    for (const name of files)
        for (const harm of [(bytes) => bytes.subarray(0, bytes.length >> 1), (bytes) => { bytes[bytes.length > 200 ? 100 : 3] ^= 4; return bytes; }, null]) {
            const path = join(engine, name);
            if (harm === null)
                rmSync(path, { force: true });
            else if (readdirSync(engine).includes(name))
                writeFileSync(path, harm(readFileSync(path)));
            server = await startServer(t, folder);
            person.url = server.url;
            assert.equal(await counted(person), 200, `${name} ${harm}`);
            assert.deepEqual(await server.kill(), { code: 0, signal: null });
            const check = papilio(["check", "--data", folder]);
            assert.equal(check.code, 0, check.out + check.err);
        }
});

// At a place and in a way that chance chose; of a log, which is reserved in advance, where something is written.
function harm(path) {
    const bytes = readFileSync(path), at = Math.floor(Math.random() * Math.min(bytes.length, 100_000)), way = Math.floor(Math.random() * 3);
    if (way === 0)
        bytes[at] ^= 1 << Math.floor(Math.random() * 8);
    else if (way === 1)
        bytes.fill(Math.random() < 0.5 ? 0 : 255, at, Math.min(bytes.length, at + 1 + Math.floor(Math.random() * 5000)));
    writeFileSync(path, way === 2 ? bytes.subarray(0, at) : bytes);
    return `${path} ${["flipped", "filled", "cut"][way]} at ${at} of ${bytes.length}`;
}

test(`files of the engine harmed anywhere, ${rounds} rounds: the answers are the same`, { timeout: 600_000 + rounds * 10_000 }, async (t) => {
    const folder = makeFolder(t), engine = join(folder, "engine");
    let server = await startServer(t, folder);
    const person = await setUp(server), questions = [question, others[0],
        { version: 1, ask: "segment", who: { attribute: "customer_number", below: 40 } },
        { version: 1, ask: "breakdown", events: { kind: "page_viewed" }, by: { property: "url" }, limit: 1000 }];
    const events = Array.from({ length: 900 }, (_, k) => ({ ...eventOf(`h-${k}`), customer: { kind: "member_no", value: `m${k % 60}` } }));
    for (let from = 0; from < events.length; from += 100)
        await person.ask("/api/v1/events", { events: events.slice(from, from + 100) });
    const answers = async () => {
        assert.equal(await counted(person), events.length);
        const all = await Promise.all(questions.map((query) => person.ask("/api/audience/query", { query })));
        return all.map(({ json }) => [json.rows, json.member_count]);
    };
    const wanted = await answers();
    await server.kill();

    for (let round = 0; round < rounds; round++) {
        const files = readdirSync(engine).filter((name) => name !== "lock");
        const how = harm(join(engine, files[Math.floor(Math.random() * files.length)]));
        server = await startServer(t, folder);
        person.url = server.url;
        assert.deepEqual(await answers(), wanted, how);
        await server.kill(round % 2 === 0 ? "SIGTERM" : "SIGKILL");
    }
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
