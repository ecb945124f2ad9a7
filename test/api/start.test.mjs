// Starting: what is wrong is refused with one clear sentence on stderr. Exit codes: 0 done, 1 refused, 2 wrong command line.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync,
    writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeFolder, papilio, password, Person, setUp, startServer } from "./papilio.mjs";

const ends = [];
let base; // a set-up folder that no server holds; tests work on copies

before(async () => {
    const t = { after: (end) => ends.unshift(end) };
    base = makeFolder(t);
    const server = await startServer(t, base);
    const admin = await setUp(server);
    assert.equal((await admin.ask("/api/customers", { name: "王小明", phone: "13800138000" })).status, 200);
    await server.kill();
});

after(() => ends.forEach((end) => end()));

function copyOf(t) {
    const folder = makeFolder(t);
    cpSync(base, folder, { recursive: true });
    return folder;
}

// One line that says `wanted`, nothing on standard output, that exit code, and an end by itself.
function refused(args, code, wanted) {
    const done = papilio(args, "");
    assert.equal(done.signal, null, `${args.join(" ")}: ${done.signal}\n${done.err}`);
    assert.equal(done.code, code, `${args.join(" ")}: ${done.code}\n${done.out}${done.err}`);
    assert.match(done.err, /^papilio: [^\n]+\n$/, args.join(" "));
    assert.match(done.err, wanted);
    assert.equal(done.out, "");
}

const serve = (folder, ...more) => ["serve", "--data", folder, "--listen", "127.0.0.1:0", ...more];

test("a wrong command line", (t) => {
    const folder = join(makeFolder(t), "data");
    refused(["nosuch"], 2, /no command "nosuch"/);
    refused(["serve", "--nosuch"], 2, /unknown option --nosuch/);
    refused(["serve", "--trace=yes"], 2, /unknown option --trace=yes/);
    refused(["serve", "--data"], 2, /--data needs a value/);
    refused(["serve", folder], 2, /serve does not take ".*data"; see papilio help/);
    refused(["check", folder], 2, /check does not take/);
    refused(["user", "add", "--data", folder], 2, /user add\|password LOGIN/);
    refused(["user", "remove", "x", "--data", folder], 2, /user add\|password LOGIN/);
    assert.equal(existsSync(folder), false);
    assert.equal(papilio([]).code, 0);
    assert.match(papilio(["help"]).out, /papilio serve/);
    assert.match(papilio(["version"]).out, /^papilio \d+\.\d+\.\d+\n$/);
    assert.equal(JSON.parse(papilio(["openapi"]).out).openapi, "3.1.0");
});

test("an address that cannot be listened on", async (t) => {
    for (const listen of ["nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1", "localhost:0", "192.0.2.1:0", ":0", ""])
        refused(["serve", "--data", copyOf(t), "--listen", listen], 1, /cannot listen on/);
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => other.once("listening", done));
    refused(["serve", "--data", copyOf(t), "--listen", `127.0.0.1:${other.address().port}`], 1, /cannot listen on 127/);
    other.close();
});

test("a folder that cannot be used", async (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, "file"), "x");
    refused(serve(join(folder, "file")), 1, /the folder .*file cannot be used/);
    refused(serve("/proc/papilio"), 1, /the folder \/proc\/papilio cannot be used/);
    refused(serve(join(folder, "d".repeat(60), "d".repeat(60))), 1, /too long for a socket file/);
    refused(["check", "--data", join(folder, "none")], 1, /none holds no base/);
    assert.equal(existsSync(join(folder, "none")), false);
    const server = await startServer(t, join(folder, "new", "deep"));
    assert.equal(statSync(join(folder, "new", "deep")).mode & 0o077, 0, "others can read the new folder");
    assert.equal(statSync(join(folder, "new", "deep", "papilio.key")).mode & 0o777, 0o600);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
});

test("a folder that cannot be written", { skip: process.getuid() === 0 && "root writes everywhere" }, (t) => {
    const folder = copyOf(t);
    chmodSync(folder, 0o500);
    refused(serve(folder), 1, /cannot be used|cannot be opened/);
    chmodSync(folder, 0o700);
});

test("a folder that another papilio holds", async (t) => {
    const folder = copyOf(t), server = await startServer(t, folder);
    refused(serve(folder), 1, /another papilio works on/);
    const added = papilio(["user", "add", "late", "--data", folder], `${password}\n`);
    assert.equal(added.code, 1);
    assert.match(added.err, /^papilio: another papilio works on [^\n]+\n$/);
    const running = papilio(["check", "--data", folder]);
    assert.equal(running.code, 0, running.err);
    assert.match(running.out, /^ok +database$/m);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    const stopped = papilio(["check", "--data", folder]);
    assert.equal(stopped.code, 0, stopped.err);
    assert.equal(stopped.out, running.out);
});

test("a key file that is missing, broken, or another base's", (t) => {
    const folder = copyOf(t), key = join(folder, "papilio.key"), text = readFileSync(key, "utf8");
    rmSync(key);
    for (const args of [serve(folder), ["check", "--data", folder]])
        refused(args, 1, /key file .* is missing, but the data are sealed with it/);
    assert.equal(existsSync(key), false, "no new key is made over data sealed with the old one");
    for (const broken of ["", "junk\n", text.slice(0, 40), text.replace("seal", "leak"), "x".repeat(10_000)]) {
        writeFileSync(key, broken);
        refused(serve(folder), 1, /the key file .* cannot be used/);
    }
    const turned = (name) => text.replace(new RegExp(`(?<=^${name} )[0-9a-f]{2}`, "m"), (two) => two === "00" ? "01" : "00");
    for (const name of ["seal", "hash"]) {
        writeFileSync(key, turned(name));
        for (const args of [serve(folder), ["check", "--data", folder]])
            refused(args, 1, /the key file is not the one that these data are sealed with/);
    }
    const elsewhere = join(makeFolder(t), "key");
    rmSync(key);
    writeFileSync(elsewhere, text, { mode: 0o600 });
    assert.equal(papilio(["check", "--data", folder, "--key-file", elsewhere]).code, 0);
    assert.equal(existsSync(key), false);
});

test("a base of a newer program, and files that are no base", (t) => {
    const folder = copyOf(t), file = join(folder, "papilio.db");
    const good = readFileSync(file);
    const done = spawnSync("sqlite3", [file, "PRAGMA user_version = 999"], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    for (const args of [serve(folder), ["check", "--data", folder]])
        refused(args, 1, /the base has version 999, this program knows \d+: use the newer/);

    const broken = [Buffer.from("hello\n"), Buffer.alloc(8192, 0xa5), good.subarray(0, 5000),
        Buffer.concat([good.subarray(0, 8192), Buffer.alloc(good.length - 8192, 0x5a)])];
    for (const bytes of broken) {
        for (const name of readdirSync(folder).filter((each) => /-(wal|shm)$/.test(each)))
            rmSync(join(folder, name));
        writeFileSync(file, bytes);
        for (const args of [serve(folder), ["check", "--data", folder]])
            refused(args, 1, /the database .* cannot be (opened|read)/);
        assert.deepEqual(readFileSync(file), bytes, "a refused file is left as it is");
    }
    rmSync(file);
    mkdirSync(file);
    refused(serve(folder), 1, /papilio\.db cannot be opened/);
});

test("damage inside is found by check, and does not stop the rest", async (t) => {
    const folder = copyOf(t), file = join(folder, "papilio.db");
    const done = spawnSync("sqlite3", [file, "UPDATE customer SET order_count = 7, paid_fen = 100"], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    const stopped = papilio(["check", "--data", folder]);
    assert.equal(stopped.code, 1, stopped.out);
    assert.match(stopped.out, /^FAILED +customer_figures: 1 found: customer \d+$/m);
    assert.match(stopped.out, /^ok +customer_seals$/m);
    const server = await startServer(t, folder);
    const running = papilio(["check", "--data", folder]);
    assert.equal(running.code, 1);
    assert.equal(running.out, stopped.out);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
});

test("people from the command line", async (t) => {
    const folder = copyOf(t);
    const run = (args, input = `${password}\n`) => papilio(["user", ...args, "--data", folder], input);
    assert.deepEqual(run(["add", "Vera", "--role", "viewer", "--name", "薇拉"]), { code: 0, signal: null, out: "", err: "" });
    for (const [args, input, wanted] of [
        [["add", "vera"], undefined, /somebody has this login already/],
        [["add", "short"], "short\n", /a password needs 10 to 200 characters/],
        [["add", "none"], "", /a password needs/],
        [["add", "long"], `${"x".repeat(201)}\n`, /a password needs/],
        [["add", "a b"], undefined, /a login has letters, digits/],
        [["add", "x".repeat(61)], undefined, /a login has 1 to 60/],
        [["add", "king", "--role", "king"], undefined, /no such role: king/],
        [["password", "nobody"], undefined, /nobody has the login nobody/],
    ]) {
        const done = run(args, input);
        assert.equal(done.code, 1, args.join(" "));
        assert.match(done.err, wanted);
    }
    const missing = papilio(["user", "password", "vera", "--data", join(folder, "none")], `${password}\n`);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /none holds no base/);

    let server = await startServer(t, folder);
    assert.equal(server.setup, "", "no set-up link once somebody is there");
    const vera = new Person(server.url);
    assert.equal((await vera.ask("/api/login", { login: "vera", password })).status, 200);
    const me = (await vera.ask("/api/me")).json;
    assert.deepEqual([me.login, me.name, me.role], ["vera", "薇拉", "viewer"]);
    await server.kill();
    assert.equal(run(["password", "vera"], "密码密码密码密码密码\r\n").code, 0);
    server = await startServer(t, folder);
    vera.url = server.url;
    assert.equal((await vera.ask("/api/me")).status, 401, "the session outlives a password set from the command line");
    assert.equal((await vera.ask("/api/login", { login: "vera", password })).status, 401);
    assert.equal((await vera.ask("/api/login", { login: "vera", password: "密码密码密码密码密码" })).status, 200);
});

test("a start that was killed leaves nothing in the way", async (t) => {
    const folder = makeFolder(t);
    for (let ms = 1; ms < 60; ms += 6) {
        spawnSync("timeout", ["-s", "KILL", `${ms / 1000}`, process.env.PAPILIO_BIN ?? "build/release/papilio", ...serve(folder)]);
    }
    const server = await startServer(t, folder);
    await setUp(server);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    assert.equal(papilio(["check", "--data", folder]).code, 0);
});

test("every start before set-up prints a new link, and the old one is void", async (t) => {
    const folder = makeFolder(t);
    const first = await startServer(t, folder), old = first.setup;
    await first.kill();
    const second = await startServer(t, folder), nobody = new Person(second.url);
    assert.notEqual(second.setup, old);
    assert.equal((await nobody.ask(`/api/setup?token=${old}`)).json.is_valid, false);
    assert.equal((await nobody.ask(`/api/setup?token=${second.setup}`)).json.is_valid, true);
    await second.kill();
    copyFileSync(join(folder, "papilio.key"), join(folder, "kept"));
    truncateSync(join(folder, "lock"), 0); // what stands in the lock file does not matter
    const third = await startServer(t, folder);
    assert.deepEqual(readFileSync(join(folder, "kept")), readFileSync(join(folder, "papilio.key")));
    await third.kill();
});
