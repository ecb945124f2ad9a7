// `papilio demo`: a brand on an empty folder, sound and of the promised size; again on the same folder; never on somebody's own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Person, makeFolder, papilio, program, startServer, withDb } from "./papilio.mjs";

// Until it is ready; then it is asked to end.
async function demo(folder, use = async () => {}) {
    const child = spawn(program, withDb(folder, ["demo", "--data", folder, "--listen", "127.0.0.1:0", "--seed", "3"]),
        { stdio: ["ignore", "pipe", "pipe"] });
    const gone = new Promise((done) => child.once("exit", done));
    let out = "", err = "";
    child.stderr.on("data", (bytes) => { err += bytes; });
    await new Promise((done) => {
        child.stdout.on("data", (bytes) => {
            out += bytes;
            if (out.includes("ready\n"))
                done();
        });
        gone.then(done);
    });
    try {
        if (out.includes("ready\n"))
            await use(out);
    } finally {
        child.kill("SIGTERM");
    }
    return { code: await gone, out, err };
}

async function overview(person) {
    const { status, json } = await person.ask("/api/overview");
    assert.equal(status, 200, JSON.stringify(json));
    return json;
}

test("the demo brand", { timeout: 1_800_000 }, async (t) => {
    const folder = makeFolder(t);
    let first;

    await t.test("is made through imports and routes, and is sound", async () => {
        const { code, out, err } = await demo(folder, async (text) => {
            const [, login, password] = text.match(/login: (\S+) +password: (\S+)/);
            const person = new Person(text.match(/http:\/\/[\d.:]+/)[0]);
            assert.equal((await person.ask("/api/login", { login, password })).status, 200);
            const me = (await person.ask("/api/me")).json;
            assert.equal(me.is_demo, true);
            assert.equal(me.zone, "Asia/Shanghai");
            first = await overview(person);
            const segments = (await person.ask("/api/segments")).json.items;
            assert.equal(segments.length, 5);
            for (const { name, state, member_count } of segments)
                assert.ok(state === "live" && member_count > 100 && member_count < 20000, `${name}: ${state} ${member_count}`);
            assert.equal((await person.ask("/api/reports")).json.items.length, 2);
            const campaigns = (await person.ask("/api/campaigns")).json.items;
            assert.deepEqual(campaigns.map((n) => [n.status, n.participant_count, n.held_count]).sort(), [["draft", 0, 0], ["running", 160, 2]]);
            assert.ok((await person.ask("/api/channels")).json.items.some((n) => Number(n.cost_fen) > 0));
        });
        assert.equal(code, 0, err);
        assert.match(err, /orders: \d+ rows, 0 refused/);
        assert.match(err, /events: \d+ rows, 0 refused/);
        const { butterfly, figures, months } = first;
        assert.equal(butterfly.reached_count, 20000);
        assert.ok(figures.order_count > 60000 && figures.order_count < 80000);
        for (const [part, count] of Object.entries(butterfly))
            assert.ok(count > 100 && count <= 20000, `${part}: ${count}`);
        for (const state of ["never", "once", "repeat", "sleeping", "lost"])
            assert.ok(figures[`${state}_count`] > 100, state);
        assert.ok(figures.refunded_fen > 0);
        assert.ok(months.length >= 12);
        assert.match(out, /generated: 20000 customers/);
    });

    await t.test("holds every invariant", () => {
        const { code, out } = papilio(["check", "--data", folder]);
        assert.equal(code, 0, out);
        assert.ok(!out.includes("FAILED"));
    });

    await t.test("is served again with the same login, unchanged", async () => {
        const kept = readFileSync(`${folder}/demo/login`, "utf8").split(" ");
        const { code, out } = await demo(folder, async (text) => {
            const person = new Person(text.match(/http:\/\/[\d.:]+/)[0]);
            await person.ask("/api/login", { login: kept[0], password: kept[1] });
            const again = await overview(person);
            assert.equal(again.figures.paid_fen, first.figures.paid_fen);
        });
        assert.equal(code, 0);
        assert.ok(!out.includes("generated:"));
    });
});

test("a demo does not touch a base of one's own", async (t) => {
    const folder = makeFolder(t);
    assert.equal(papilio(["user", "add", "me", "--data", folder], "a long password\n").code, 0);
    const { code, err } = await demo(folder);
    assert.equal(code, 1);
    assert.match(err, /base of your own/);
    const server = await startServer(t, folder);
    assert.equal(await fetch(`${server.url}/healthz`).then((reply) => reply.status), 200);
});
