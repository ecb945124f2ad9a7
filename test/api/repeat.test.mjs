// The same request again, at once or later, has one effect; and what races for one thing cannot have it twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, papilio, password, Person, setUp, startServer } from "./papilio.mjs";

const code = (answer) => answer.json?.error?.code;
const withKey = (key) => ({ "Idempotency-Key": key });
const lines = [{ product_code: "P1", product_name: "Tea", quantity_count: 3, unit_price_micro: 10_000_000 }];
const order = (order_no, more = {}) => ({
    source: "shop", order_no, placed_ms: 1_700_000_000_000, customer: { kind: "member_no", value: "M-1" }, lines, ...more,
});

async function start(t) {
    const folder = makeFolder(t), server = await startServer(t, folder);
    return { folder, server, admin: await setUp(server) };
}

async function endWell(folder, server) {
    const figures = await (await fetch(`${server.url}/metrics`)).text();
    for (const name of ["must", "budget"])
        assert.match(figures, new RegExp(`^papilio_${name}_total 0$`, "m"));
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
}

test("a key with the same body gets the first answer, with another body a refusal", async (t) => {
    const { folder, server, admin } = await start(t);
    const first = await admin.ask("/api/orders", order("A-1"), withKey("k1"));
    assert.equal(first.status, 200, JSON.stringify(first.json));
    assert.equal(first.json.is_new, true);
    assert.deepEqual(await admin.ask("/api/orders", order("A-1"), withKey("k1")), first);
    const other = await admin.ask("/api/orders", order("A-2"), withKey("k1"));
    assert.equal(other.status, 422);
    assert.equal(code(other), "repeat.mismatch");
    assert.deepEqual(await admin.ask("/api/orders", order("A-1"), withKey("k1")), first);
    assert.equal((await admin.ask("/api/orders", order("A-1"), withKey("k2"))).json.is_new, false);

    for (const headers of [{}, withKey(""), withKey(" ")])
        assert.equal(code(await admin.ask("/api/orders", order("A-3"), headers)), "repeat.required");
    assert.equal(code(await admin.ask("/api/orders", order("A-3"), withKey("k".repeat(201)))), "repeat.key");
    assert.equal((await admin.ask("/api/orders", order("A-3"), withKey("k".repeat(200)))).status, 200);

    // The same key on another route, and on another address of the same route, is another request.
    const refund = { refund_no: "R-1", amount_fen: 100 };
    assert.equal((await admin.ask(`/api/orders/${first.json.id}/refund`, refund, withKey("k1"))).status, 200);
    assert.equal(code(await admin.ask("/api/orders/1/refund", refund, withKey("k1"))), "order.unknown");
    await endWell(folder, server);
});

test("a refused request is not kept: with the same key it may succeed later", async (t) => {
    const { folder, server, admin } = await start(t);
    const body = { code: "late", name: "Late", kind: "ad", parent_id: "1" };
    assert.equal((await admin.ask("/api/channels", body, withKey("k"))).status, 404);
    const parent = await admin.ask("/api/channels", { code: "root", name: "Root", kind: "site" }, withKey("k"));
    assert.equal(parent.status, 200);
    assert.equal((await admin.ask("/api/channels", { ...body, parent_id: parent.json.id }, withKey("k"))).status, 422);

    const tag = { family: "intent", name: "x", color: "#112233" };
    assert.equal((await admin.ask("/api/tags", tag)).status, 200);
    assert.equal((await admin.ask("/api/tags", tag, withKey("t"))).status, 409);
    assert.equal((await admin.ask("/api/tags", tag, withKey("t"))).status, 409);
    assert.equal((await admin.ask("/api/tags", { ...tag, name: "y" }, withKey("t"))).status, 200);
    await endWell(folder, server);
});

test("kept answers outlive a restart, kill -9 too", async (t) => {
    const folder = makeFolder(t);
    let server = await startServer(t, folder);
    const admin = await setUp(server);
    const first = await admin.ask("/api/orders", order("A-1"), withKey("k"));
    await server.kill("SIGKILL");
    server = await startServer(t, folder);
    admin.url = server.url;
    assert.deepEqual(await admin.ask("/api/orders", order("A-1"), withKey("k")), first);
    assert.equal((await admin.ask("/api/orders", order("A-9"), withKey("k"))).status, 422);
    await endWell(folder, server);
});

test("20 posts at once with one key have one effect", async (t) => {
    const { folder, server, admin } = await start(t);
    const posts = Array.from({ length: 20 }, () =>
        admin.ask("/api/customers", { name: "One", identities: [{ kind: "member_no", value: "M-7" }] }, withKey("c")));
    const answers = await Promise.all(posts);
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
    assert.equal(new Set(answers.map((answer) => answer.json.id)).size, 1);

    const events = Array.from({ length: 20 }, () => admin.ask("/api/v1/events",
        { message_id: "m", kind: "page_viewed", customer: { kind: "member_no", value: "M-7" } }));
    const counts = (await Promise.all(events)).map((answer) => answer.json);
    assert.equal(counts.reduce((sum, each) => sum + each.accepted_count, 0), 1);
    assert.equal(counts.reduce((sum, each) => sum + each.duplicate_count, 0), 19);
    assert.equal((await admin.ask("/api/customers")).json.total_count, 1);
    await endWell(folder, server);
});

test("one order from 20 connections is one order, of one customer", async (t) => {
    const { folder, server, admin } = await start(t);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, k) =>
        admin.ask("/api/orders", order("A-1"), withKey(`k${k}`))));
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200], JSON.stringify(answers[0].json));
    assert.equal(new Set(answers.map((answer) => answer.json.id)).size, 1);
    assert.equal(answers.filter((answer) => answer.json.is_new).length, 1);
    const { items } = (await admin.ask("/api/customers")).json;
    assert.deepEqual(items.map((item) => [item.order_count, item.paid_fen]), [[1, 3000]]);

    // The same number with other content, at once: the first wins, the others are told.
    const racers = await Promise.all(Array.from({ length: 20 }, (_, k) =>
        admin.ask("/api/orders", order("A-2", { placed_ms: 1_700_000_000_000 + k }), withKey(`d${k}`))));
    assert.equal(racers.filter((answer) => answer.status === 200).length, 1);
    assert.ok(racers.every((answer) => answer.status === 200 || code(answer) === "order.differs"));
    await endWell(folder, server);
});

test("refunds at once never give back more than was paid", async (t) => {
    const { folder, server, admin } = await start(t);
    const { id } = (await admin.ask("/api/orders", order("A-1"), withKey("k"))).json; // 3000 fen
    const answers = await Promise.all(Array.from({ length: 30 }, (_, k) =>
        admin.ask(`/api/orders/${id}/refund`, { refund_no: `R-${k}`, amount_fen: 700 }, withKey(`r${k}`))));
    assert.equal(answers.filter((answer) => answer.status === 200).length, 4);
    assert.ok(answers.every((answer) => answer.status === 200 || code(answer) === "order.refund_exceeds"));
    assert.equal((await admin.ask(`/api/orders/${id}`)).json.refunded_fen, 2800);

    // One refund number, many keys: once. And what is left, to the last fen.
    const again = await Promise.all(Array.from({ length: 10 }, (_, k) =>
        admin.ask(`/api/orders/${id}/refund`, { refund_no: "R-last", amount_fen: 100 }, withKey(`l${k}`))));
    assert.equal((await admin.ask(`/api/orders/${id}`)).json.refunded_fen, 2900, JSON.stringify(again.map((each) => each.status)));
    assert.equal((await admin.ask(`/api/orders/${id}/refund`, { refund_no: "R-end", amount_fen: 100 }, withKey("e"))).status, 200);
    assert.equal(code(await admin.ask(`/api/orders/${id}/refund`, { refund_no: "R-x", amount_fen: 1 }, withKey("x"))),
        "order.refund_exceeds");
    const got = (await admin.ask(`/api/orders/${id}`)).json;
    assert.deepEqual([got.paid_fen, got.refunded_fen, got.status], [3000, 3000, "refunded"]);
    assert.equal(got.refunds.reduce((sum, refund) => sum + refund.amount_fen, 0), 3000);
    await endWell(folder, server);
});

test("a setting that two change at once is changed by one", async (t) => {
    const { folder, server, admin } = await start(t);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, k) =>
        admin.ask("/api/settings", { name: "sleep_after_days", value: 30 + k, reason: "race", version_count: 0 })));
    assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
    assert.ok(answers.every((answer) => answer.status === 200 || code(answer) === "setting.changed"));
    await endWell(folder, server);
});

test("a password that two change at once is changed by one", async (t) => {
    const { folder, server, admin } = await start(t);
    const people = [admin, ...await Promise.all([1, 2, 3].map(async () => {
        const person = new Person(server.url);
        assert.equal((await person.ask("/api/login", { login: "admin", password })).status, 200);
        return person;
    }))];
    const words = people.map((_, k) => `a quite new password ${k}`);
    const answers = await Promise.all(people.map((person, k) =>
        person.ask("/api/me/password", { old_password: password, new_password: words[k] })));
    assert.equal(answers.filter((answer) => answer.status === 200).length, 1, JSON.stringify(answers));
    const won = answers.findIndex((answer) => answer.status === 200);
    assert.equal((await new Person(server.url).ask("/api/login", { login: "admin", password: words[won] })).status, 200);
    assert.equal((await Promise.all(people.map((person) => person.ask("/api/me")))).filter((each) => each.status === 200).length, 1);
    await endWell(folder, server);
});
