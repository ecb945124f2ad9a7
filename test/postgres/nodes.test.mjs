// Two nodes on one base: what one does the other knows, and what only one may do happens once.
import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { connections, eachAtOnce, makeCustomers, makeGiveaway, send } from "../api/giveaway.mjs";
import { Person, setUp, until } from "../api/papilio.mjs";
import { check, makeNodes, makeSchema, startNode } from "./base.mjs";

const nodeOf = (id) => Number((BigInt(id) >> 14n) & 255n);

function listen(person) {
    const stream = { heard: "", hasEnded: false };
    stream.opened = new Promise((done) => {
        get(`${person.url}/api/live`, { headers: { Cookie: person.cookie }, agent: false }, (reply) => {
            reply.on("data", (bytes) => { stream.heard += bytes; });
            reply.on("close", () => { stream.hasEnded = true; });
            reply.on("error", () => {});
            done();
        }).on("error", done);
    });
    return stream;
}

async function twoNodes(t) {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t);
    const a = await startNode(t, schema, folders[0], keyFile);
    const admin = await setUp(a);
    const b = await startNode(t, schema, folders[1], keyFile);
    const there = new Person(b.url); // the same session on the other node
    there.cookie = admin.cookie;
    there.csrf = admin.csrf;
    return { schema, folders, keyFile, a, b, admin, there };
}

test("sessions, rows, live pages and sign-outs are those of the base, not of a node", { timeout: 600_000 }, async (t) => {
    const { schema, folders, keyFile, a, b, admin, there } = await twoNodes(t);

    assert.equal((await there.ask("/api/me")).status, 200);
    const stream = listen(there);
    await stream.opened;
    const first = await admin.ask("/api/channels", { code: "here", name: "Here", kind: "store" });
    assert.equal(first.status, 200);
    await until(() => stream.heard.includes('"channels"'), () => `heard "${stream.heard}"`);
    const second = await there.ask("/api/channels", { code: "there", name: "There", kind: "store" });
    assert.equal(second.status, 200);
    const ids = schema.sql("SELECT id FROM channel ORDER BY id").split("\n");
    assert.deepEqual(ids.map(nodeOf), [0, 1]);
    assert.equal(schema.sql("SELECT count(*) FROM node"), "2");

    const names = JSON.stringify((await admin.ask("/api/channels")).json);
    assert.ok(names.includes("Here") && names.includes("There"), names);
    assert.equal((await admin.ask("/api/logout", {})).status, 200);
    await until(() => stream.hasEnded, () => "the stream on the other node goes on");
    assert.equal((await there.ask("/api/me")).status, 401);

    assert.deepEqual(await b.kill(), { code: 0, signal: null });
    assert.deepEqual(await a.kill(), { code: 0, signal: null });
    const done = check(schema, folders[0], keyFile); // one audit chain, whoever wrote
    assert.equal(done.code, 0, done.out + done.err);
});

test("the same key on two nodes gets one answer", { timeout: 600_000 }, async (t) => {
    const { schema, a, b, admin, there } = await twoNodes(t);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) =>
        (i % 2 ? admin : there).ask("/api/customers", { phone: "13900000001" }, { "Idempotency-Key": "one" })));

    assert.deepEqual(new Set(answers.map(({ status, json }) => `${status} ${json.id}`)).size, 1);
    assert.equal(answers[0].status, 200);
    assert.equal(schema.sql("SELECT count(*) FROM customer"), "1");
    await Promise.all([a.kill(), b.kill()]);
});

test("property 1 on two nodes: N claim a stock of T, min(N, T) win", { timeout: 900_000 }, async (t) => {
    const { schema, folders, keyFile, a, b, admin, there } = await twoNodes(t);
    const claims = 10_000, stock = 1_000, people = 1_000;
    const customers = await makeCustomers(admin, people);
    const campaign = await makeGiveaway(admin, { stock_count: stock, day_limit_count: 10, points_count: 7 });
    const won = [], refused = new Map();
    let longest = 0;
    const from = performance.now();

    await eachAtOnce(claims, async (i) => {
        const began = performance.now();
        const { status, json } = await send(i % 2 ? admin : there, `/api/giveaways/${campaign}/claims`,
            { customer_id: customers[i % people] }, `claim ${i}`);
        longest = Math.max(longest, performance.now() - began);
        if (status === 200)
            won.push(json.reward_id);
        else
            refused.set(json.error.code, (refused.get(json.error.code) ?? 0) + 1);
    });
    t.diagnostic(`${claims} claims over ${connections} connections and two nodes: ` +
        `${Math.round(claims / (performance.now() - from) * 1000)}/s, the longest waited ${Math.round(longest)} ms`);
    assert.equal(new Set(won).size, stock, JSON.stringify([...refused]));
    assert.equal(won.length, stock);
    assert.deepEqual([...refused], [["giveaway.out_of_stock", claims - stock]]);
    assert.equal(schema.sql(`SELECT count(*) FROM reward_grant WHERE campaign_id = ${campaign}`), String(stock));
    // commit order is id order: no journal row was committed behind one with a greater id
    assert.equal(schema.sql("SELECT count(*) FROM (SELECT xmin::text::bigint AS x, lag(xmin::text::bigint) OVER (ORDER BY id) " +
        "AS before FROM journal) AS t WHERE x < before"), "0");
    assert.ok(Number(schema.sql("SELECT count(DISTINCT id >> 14 & 255) FROM journal")) === 2);
    await Promise.all([a.kill(), b.kill()]);
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});

// The file lies where it was taken in: its import is that node's, whoever starts it and whoever comes meanwhile.
test("an import is its node's", { timeout: 600_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), rows = 40_000;
    const a = await startNode(t, schema, folders[0], keyFile), admin = await setUp(a);
    const upload = async (from, count) => {
        const lines = Array.from({ length: count }, (_, i) => `客户${from + i},m${from + i}`);
        const reply = await fetch(`${a.url}/api/imports/upload?file_name=people.csv`, {
            method: "POST", body: ["name,member_no", ...lines].join("\n"), headers: { Cookie: admin.cookie, "X-CSRF-Token": admin.csrf },
        });
        assert.equal(reply.status, 200);
        return (await reply.json()).import_id;
    };
    const start = async (person, id) => assert.equal((await person.ask(`/api/imports/${id}/start`, { kind: "customers" })).status, 200);
    const status = (id) => schema.sql(`SELECT status FROM import_run WHERE id = ${id}`);
    const first = await upload(0, rows), second = await upload(rows, 10), third = await upload(rows + 10, 10);

    await start(admin, first);
    await until(() => Number(schema.sql(`SELECT line_count FROM import_run WHERE id = ${first}`)) > 0, () => status(first));
    const b = await startNode(t, schema, folders[1], keyFile), there = new Person(b.url);
    assert.equal(status(first), "running"); // still, or the test says nothing: it is long enough to start a node meanwhile
    there.cookie = admin.cookie;
    there.csrf = admin.csrf;
    await start(there, second);
    await start(admin, third); // its turn comes behind the second
    for (const id of [first, second, third])
        await until(() => status(id) === "done", () => `${id} is ${status(id)}`);
    assert.equal(schema.sql("SELECT sum(accepted_count) FROM import_run"), String(rows + 20));
    assert.equal(schema.sql("SELECT count(*) FROM customer"), String(rows + 20));
    await Promise.all([a.kill(), b.kill()]);
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});
