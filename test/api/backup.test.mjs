// backup and restore: beside a server under load, killed, on a full disk; what comes back is whole, checked, and holds
// every row that was acknowledged before the backup began. KILL_ROUNDS: 10 here, 50 in soak.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync,
    writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, papilio, program, setUp, startServer, until } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10);

function sql(base, text) {
    const done = spawnSync("sqlite3", [base, text], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.trim();
}

function run(command, ...args) {
    const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    assert.equal(done.status, 0, `${command} ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
}

function refused(args, wanted) {
    const done = papilio(args, "");
    assert.equal(done.code, 1, `${args.join(" ")}\n${done.out}${done.err}`);
    assert.match(done.err, wanted);
    assert.match(done.err, /^papilio: [^\n]+\n$/);
}

// The same without waiting: the server and its clients go on meanwhile.
function started(args) {
    return new Promise((done) => {
        const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
        let out = "", err = "";
        child.stdout.on("data", (bytes) => { out += bytes; });
        child.stderr.on("data", (bytes) => { err += bytes; });
        child.once("exit", (code) => done({ code, out, err }));
    });
}

async function filled(t, count = 20) {
    const folder = makeFolder(t), server = await startServer(t, folder);
    const admin = await setUp(server);
    for (let i = 0; i < count; i++)
        assert.equal((await admin.ask("/api/customers", { name: `客户${i}`, phone: `139000${10000 + i}` })).status, 200);
    mkdirSync(join(folder, "imports"), { recursive: true });
    writeFileSync(join(folder, "imports", "7-rejects.csv"), "line,reason\n2,no\n");
    return { folder, server, admin };
}

const restored = (file, folder, key, ...more) => papilio(["restore", file, "--data", folder, "--key-file", key, ...more]);

test("under write load: every backup restores, checks, and has what was acknowledged before it", async (t) => {
    const { folder, server, admin } = await filled(t, 3);
    const out = makeFolder(t), acknowledged = [];
    let isOver = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; !isOver; i++) {
            const { status, json } = await admin.ask("/api/customers", { name: `写${writer}-${i}`, phone: `15${writer}${10000000 + i}` });
            assert.equal(status, 200);
            acknowledged.push(json.id);
        }
    });
    const backups = [];
    for (let i = 0; i < 4; i++) {
        const least = acknowledged.length + 13;
        await until(() => acknowledged.length > least, "nothing is taken");
        const before = [...acknowledged], file = join(out, `${i}.tar`);
        const { code, out: text, err } = await started(["backup", file, "--data", folder]);
        assert.equal(code, 0, err);
        backups.push({ file, before, said: JSON.parse(text) });
    }
    isOver = true;
    await Promise.all(writers);
    const health = (await admin.ask("/api/health_report")).json;
    assert.ok(health.backup_ms > 0 && health.backup_ms <= health.now_ms, JSON.stringify(health));
    await server.kill();
    for (const { file, before, said } of backups) {
        const there = makeFolder(t);
        const { code, out: text, err } = restored(file, there, join(folder, "papilio.key"));
        assert.equal(code, 0, text + err);
        assert.match(text, /^ok +database$/m);
        assert.doesNotMatch(text, /FAILED/);
        const ids = new Set(sql(join(there, "papilio.db"), "SELECT id FROM customer").split("\n"));
        assert.deepEqual(before.filter((id) => !ids.has(id)), []);
        assert.ok(ids.size < acknowledged.length + 3 || file === backups[3].file);
        assert.ok(BigInt(said.journal_id) > 0n);
        const check = papilio(["check", "--data", there, "--key-file", join(folder, "papilio.key")]);
        assert.equal(check.code, 0, check.out + check.err);
    }
    assert.equal(said(backups[0].file).files[0].name, "papilio.db");
});

const said = (file) => JSON.parse(run("tar", "xOf", file, "manifest.json"));

test("what is in it, and what never is", async (t) => {
    const { folder, server } = await filled(t);
    const out = makeFolder(t);
    writeFileSync(join(folder, "deletions.log"), "somebody who was erased\n");
    const done = papilio(["backup", out, "--data", folder]);
    assert.equal(done.code, 0, done.err);
    const [name] = readdirSync(out);
    assert.match(name, /^papilio-\d{8}-\d{6}\.tar$/);
    assert.deepEqual(readdirSync(out), [name], "nothing else stays behind");
    assert.equal(statSync(join(out, name)).mode & 0o777, 0o600);
    assert.deepEqual(run("tar", "tf", join(out, name)).trim().split("\n"),
        ["papilio.db", "imports/7-rejects.csv", "manifest.json"]);
    const bytes = readFileSync(join(out, name));
    for (const line of readFileSync(join(folder, "papilio.key"), "utf8").trim().split("\n")) {
        const hex = line.split(" ").at(-1);
        assert.equal(hex.length, 64);
        assert.equal(bytes.includes(hex), false, "a key as text");
        assert.equal(bytes.includes(Buffer.from(hex, "hex")), false, "a key as bytes");
    }
    assert.equal(bytes.includes("somebody who was erased"), false);
    assert.equal(bytes.includes("papilio.key"), false);
    assert.equal(said(join(out, name)).format, 1);
    refused(["backup", join(out, name), "--data", folder], /is there already; nothing is overwritten/);
    assert.deepEqual(readFileSync(join(out, name)), bytes);
    refused(["backup", join(out, "none", "x.tar"), "--data", folder], /No such file/);
    refused(["backup", join(out, "x.tar"), "--data", out], /holds no base/);
    assert.equal(papilio(["backup", "--data", folder]).code, 2);
    await server.kill();
    assert.equal(papilio(["backup", join(out, "rest.tar"), "--data", folder]).code, 0, "at rest too");
});

test("restoring: into an empty folder, or with --force; damaged and newer ones are refused", async (t) => {
    const { folder, server } = await filled(t);
    const out = makeFolder(t), file = join(out, "b.tar"), key = join(folder, "papilio.key");
    assert.equal(papilio(["backup", file, "--data", folder]).code, 0);
    refused(["restore", file, "--data", folder], /another papilio works on/);
    await server.kill();
    refused(["restore", file, "--data", folder], /holds data already; --force moves them aside/);
    refused(["restore", join(out, "none.tar"), "--data", folder], /there is no/);
    refused(["restore", file, "--data", join(out, "nokey")], /key file .*nokey\/papilio\.key is missing/);

    const bytes = readFileSync(file), there = makeFolder(t);
    const bad = (name, change) => {
        const path = join(out, name), copy = Buffer.from(bytes);
        writeFileSync(path, change(copy) ?? copy);
        return path;
    };
    const base = Number.parseInt(bytes.subarray(124, 135).toString(), 8);
    for (const [path, words] of [
        [bad("cut.tar", (all) => all.subarray(0, all.length / 2)), /cut off/],
        [bad("short.tar", (all) => all.subarray(0, 100)), /cut off/],
        [bad("empty.tar", (all) => all.subarray(0, 0)), /cut off/],
        [bad("text.tar", () => Buffer.alloc(2048, "x")), /not a backup/],
        [bad("turned.tar", (all) => { all[512 + (base >> 1)] ^= 1; }), /papilio\.db is damaged/],
        [bad("last.tar", (all) => { all[512 + base - 1] ^= 0x80; }), /papilio\.db is damaged/],
        [bad("ended.tar", (all) => all.subarray(0, all.indexOf("manifest.json")).length && Buffer.concat(
            [all.subarray(0, all.indexOf("manifest.json")), Buffer.alloc(1024)])), /no manifest/],
        [bad("newer.tar", (all) => { all.write('"base_version":9', all.indexOf('"base_version":')); }), /has version 9, this program knows \d+: use the newer/],
    ])
        refused(["restore", path, "--data", there, "--key-file", key], words);
    const tarred = (...names) => {
        const from = makeFolder(t), path = join(from, "made.tar");
        for (const each of names)
            writeFileSync(join(from, each), "x");
        run("tar", "--format=ustar", "-C", from, "-cf", path, ...names);
        return path;
    };
    refused(["restore", tarred("papilio.key"), "--data", there, "--key-file", key], /not a backup: it holds papilio\.key/);
    refused(["restore", tarred("passwd"), "--data", there, "--key-file", key], /not a backup: it holds passwd/);
    assert.deepEqual(readdirSync(there), ["lock"], "a refused restore leaves nothing");
    writeFileSync(join(there, "other.key"), readFileSync(key, "utf8").replace(/[0-9a-f]{64}/, (hex) => hex.replace(/^../, hex.startsWith("00") ? "11" : "00")));
    refused(["restore", file, "--data", there, "--key-file", join(there, "other.key")], /not the one that these data are sealed with/);
    assert.equal(existsSync(join(there, "papilio.db")), false);

    copyFileSync(key, join(there, "papilio.key"));
    const first = papilio(["restore", file, "--data", there]);
    assert.equal(first.code, 0, first.out + first.err);
    assert.equal(readFileSync(join(there, "imports", "7-rejects.csv"), "utf8"), "line,reason\n2,no\n");
    assert.equal(sql(join(there, "papilio.db"), "SELECT count(*) FROM customer"), "20");
    sql(join(there, "papilio.db"), "DELETE FROM journal");
    const again = papilio(["restore", file, "--data", there, "--force"]);
    assert.equal(again.code, 0, again.out + again.err);
    const aside = readdirSync(there).filter((name) => name.startsWith("replaced-"));
    assert.equal(aside.length, 1);
    assert.equal(sql(join(there, aside[0], "papilio.db"), "SELECT count(*) FROM journal"), "0");
    assert.notEqual(sql(join(there, "papilio.db"), "SELECT count(*) FROM journal"), "0");
    assert.equal(existsSync(join(there, "restoring")), false);
    const back = await startServer(t, there);
    await back.kill();
});

test("who was deleted after the backup is deleted again by the restore", async (t) => {
    const { folder, server, admin } = await filled(t, 4);
    const out = makeFolder(t), file = join(out, "b.tar"), key = join(folder, "papilio.key"), list = join(folder, "deletions.log");
    assert.equal(papilio(["backup", file, "--data", folder]).code, 0);
    const { items } = (await admin.ask("/api/customers")).json;
    const gone = items[0].id, number = Number(sql(join(folder, "papilio.db"), `SELECT customer_number FROM customer WHERE id = ${gone}`));
    const deleted = await admin.ask(`/api/customers/${gone}/privacy/delete`, { reason: "asked", confirm_number: number });
    assert.equal(deleted.status, 200, JSON.stringify(deleted.json));
    await until(() => existsSync(list) && /^\d+ \d+\n/.test(readFileSync(list, "utf8")), "she is not deleted");
    await server.kill();
    const sealed = (base) => sql(join(base, "papilio.db"), `SELECT count(*) FROM customer WHERE id = ${gone} AND name_enc IS NOT NULL`);

    const without = makeFolder(t);
    assert.equal(restored(file, without, key).code, 0);
    assert.equal(sealed(without), "1", "without the list the backup's people are all back");

    const there = makeFolder(t), done = restored(file, there, key, "--deletions", list);
    assert.equal(done.code, 0, done.out + done.err);
    assert.match(done.out, /1 people erased again/);
    assert.equal(sealed(there), "0");
    assert.equal(readFileSync(join(there, "deletions.log"), "utf8"), readFileSync(list, "utf8"), "the list goes on in the new folder");
    const again = restored(file, there, key, "--force");
    assert.equal(again.code, 0, again.out + again.err);
    assert.match(again.out, /1 people erased again/, "by the folder's own list");
    writeFileSync(join(out, "bad.log"), "nonsense\n");
    const third = makeFolder(t);
    refused(["restore", file, "--data", third, "--key-file", key, "--deletions", join(out, "bad.log")], /list of deletions is damaged/);
    refused(["restore", file, "--data", third, "--key-file", key, "--deletions", join(out, "none.log")], /deletion list .*none\.log: No such file/);
    assert.deepEqual(readdirSync(third), ["lock"]);
});

test("kill -9 at any moment leaves no file under the final name, or a whole one", async (t) => {
    const { folder, server } = await filled(t, 5);
    await server.kill();
    sql(join(folder, "papilio.db"), "CREATE TABLE bulk (x BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        + "FROM n WHERE i < 3000) INSERT INTO bulk SELECT randomblob(4000) FROM n; DROP TABLE IF EXISTS none;");
    const out = makeFolder(t), file = join(out, "b.tar");
    let whole = 0, none = 0;
    for (let round = 0; round < rounds; round++) {
        rmSync(file, { force: true });
        const child = spawn(program, ["backup", file, "--data", folder], { stdio: "ignore" });
        const gone = new Promise((done) => child.once("exit", done));
        await new Promise((done) => setTimeout(done, 5 + round * 30));
        child.kill("SIGKILL");
        await gone;
        if (existsSync(file)) {
            run("tar", "tf", file);
            assert.ok(said(file).files.length > 0);
            whole++;
        } else {
            none++;
        }
    }
    t.diagnostic(`${none} killed before, ${whole} after the end`);
    assert.ok(none > 0);
    rmSync(file, { force: true });
    assert.equal(papilio(["backup", file, "--data", folder]).code, 0, "what a killed one left is in nobody's way");
    assert.deepEqual(readdirSync(out), ["b.tar"]);
});

test("no room: a clear error, and nothing half done", async (t) => {
    const { folder, server } = await filled(t, 5);
    const out = makeFolder(t), file = join(out, "b.tar"), there = join(out, "there");
    const limited = (kib, ...args) => spawnSync("bash", ["-c", `ulimit -f ${kib}; exec "$0" "$@"`, program, ...args], { encoding: "utf8" });
    for (const kib of [8, 64, 400]) {
        const done = limited(kib, "backup", file, "--data", folder);
        assert.equal(done.status, 1, `${kib}: ${done.signal} ${done.stderr}`);
        assert.match(done.stderr, /^papilio: .*(disk is full|disk I\/O error|File too large|too large)[^\n]*\n$/i);
        assert.deepEqual(readdirSync(out), [], `${kib}`);
    }
    assert.equal(papilio(["backup", file, "--data", folder]).code, 0);
    await server.kill();
    mkdirSync(there, { mode: 0o700 });
    for (const kib of [8, 200]) {
        const done = limited(kib, "restore", file, "--data", there, "--key-file", join(folder, "papilio.key"));
        assert.equal(done.status, 1, `${kib}: ${done.signal} ${done.stderr}`);
        assert.match(done.stderr, /^papilio: .*(File too large)[^\n]*\n$/i);
        assert.deepEqual(readdirSync(there), ["lock"]);
    }
});
