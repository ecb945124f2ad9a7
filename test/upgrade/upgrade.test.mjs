// A base of the foundation (foundation.sql, made by make.mjs) under this program: it is brought up to date, all that was
// said of it is still said, its people sign in with their roles, and a session from before goes on.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, papilio, password, Person, program, startServer } from "../api/papilio.mjs";

const here = import.meta.dirname ?? "test/upgrade";
const said = JSON.parse(readFileSync(join(here, "foundation.json"), "utf8"));

function sql(folder, text) {
    const done = spawnSync("sqlite3", [join(folder, "papilio.db")], { input: text, encoding: "utf8", maxBuffer: 1 << 28 });
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.stderr, "");
    return done.stdout.trim();
}

function foundation(t) {
    const folder = makeFolder(t);
    sql(folder, readFileSync(join(here, "foundation.sql"), "utf8"));
    copyFileSync(join(here, "foundation.key"), join(folder, "papilio.key"));
    return folder;
}

// Everything the old answer said, the new one says too; it may say more.
function assertSays(now, then, at) {
    if (then === null || typeof then !== "object")
        return assert.deepEqual(now, then, at);
    assert.equal(typeof now, "object", at);
    if (Array.isArray(then))
        assert.equal(now.length, then.length, at);
    for (const key of Object.keys(then))
        assertSays(now[key], then[key], `${at}.${key}`);
}

test("the base of the foundation, brought up to date", async (t) => {
    const folder = foundation(t);
    assert.equal(sql(folder, "PRAGMA user_version"), "1");
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
    assert.ok(Number(sql(folder, "PRAGMA user_version")) >= 2);

    const server = await startServer(t, folder);
    const admin = new Person(server.url);
    assert.equal((await admin.ask("/api/login", { login: "admin", password })).status, 200);
    const me = (await admin.ask("/api/me")).json;
    assert.equal(me.login, "admin");
    // Names unseal, figures are the same, and the phone is the same one behind its mask.
    for (const { id, name, phone, order_count, paid_fen } of said.customers) {
        const { status, json } = await admin.ask(`/api/customers/${id}`);
        assert.equal(status, 200, id);
        assert.deepEqual([json.name, json.order_count, json.paid_fen], [name, order_count, paid_fen]);
        if (phone)
            assert.equal(json.phone.replace(/\*+/, ""), json.phone === phone ? phone : phone.slice(0, 3) + phone.slice(-4));
    }
    assertSays((await admin.ask("/api/overview/raw")).json, said.raw, "raw");
    const overview = (await admin.ask("/api/overview?from_date=2026-03-01&to_date=2026-05-31")).json;
    delete said.overview.computed_ms; // how long it took
    assertSays(overview, said.overview, "overview");
    await server.kill();
    assert.equal(papilio(["check", "--data", folder]).code, 0);
});

test("the roles of before, and a session from before", async (t) => {
    const server = await startServer(t, foundation(t));
    const rights = { mei: [200, 200], watch: [403, 200] };
    for (const [login, [write, read]] of Object.entries(rights)) {
        const person = new Person(server.url);
        assert.equal((await person.ask("/api/login", { login, password })).status, 200, login);
        assert.equal((await person.ask("/api/customers")).status, read, login);
        const { status, json } = await person.ask(`/api/customers/${said.customers[0].id}/edit`, { region: "北京" });
        assert.equal(status, write, `${login}: ${JSON.stringify(json)}`);
        assert.equal((await person.ask("/api/write-keys", { name: "x" })).status, 403, login);
    }
    const before = new Person(server.url);
    before.cookie = said.cookie;
    assert.equal((await before.ask("/api/me")).json.login, "admin");
    assert.equal((await before.ask("/api/customers")).json.items.length > 5, true);
});

test("kill -9 while it is brought up to date: the next start finishes", async (t) => {
    const folder = foundation(t);
    const versions = new Set();
    for (let wait = 0; wait < 12; wait++) {
        const child = spawn(program, ["check", "--data", folder], { stdio: "ignore" });
        const gone = new Promise((done) => child.once("exit", done));
        await new Promise((done) => setTimeout(done, wait * 4));
        child.kill("SIGKILL");
        await gone;
        versions.add(sql(folder, "PRAGMA user_version"));
        assert.equal(sql(folder, "PRAGMA integrity_check"), "ok");
    }
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
    t.diagnostic(`versions met on the way: ${[...versions]}`);
});
