// A real server on a folder of its own, and a person signed in to it.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

export const program = resolve(process.env.PAPILIO_BIN ?? "build/release/papilio");
export const password = "correct horse battery";

export const nap = (ms) => new Promise((done) => setTimeout(done, ms));

// What the probe finds, as soon as it finds something. The limit says that it never comes, not how fast it must be.
export async function until(probe, what = "what is waited for does not come") {
    for (const end = performance.now() + 180_000; ; await nap(20)) {
        const found = await probe();
        if (found)
            return found;
        if (performance.now() > end)
            throw new Error(typeof what === "function" ? what() : what);
    }
}

// Folders go when the tests are over and their servers with them: a server that still runs makes new files in it.
const folders = [];
process.on("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })));

export function makeFolder() {
    const folder = mkdtempSync(join(tmpdir(), "papilio-"));
    folders.push(folder);
    return folder;
}

// PAPILIO_TEST_DB names a PostgreSQL: a folder's base is then a schema there, named as the folder.
export const isShared = Boolean(process.env.PAPILIO_TEST_DB);

function dbOf(folder) {
    const url = process.env.PAPILIO_TEST_DB;
    const schema = `f_${basename(folder).replace(/[^A-Za-z0-9]/g, "_").toLowerCase()}`;
    return `${url}${url.includes("?") ? "&" : "?"}options=-csearch_path%3D${schema}`;
}

export function withDb(folder, args) {
    return !isShared || args.includes("--db") ? args : [...args, "--db", dbOf(folder)];
}

// SQL on a folder's base behind the program's back, in what both databases understand.
export function runSql(folder, text) {
    const bytes = (sql) => sql.replace(/\bx'([0-9a-f]*)'/gi, "bytea '\\x$1'");
    const [command, args] = isShared
        ? ["psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", dbOf(folder), "-c", bytes(text)]]
        : ["sqlite3", ["-cmd", ".timeout 10000", join(folder, "papilio.db"), text]];
    const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    if (done.status !== 0)
        throw new Error(done.stderr);
    return done.stdout.trim();
}

export const sqlRows = (folder, text) => runSql(folder, text).split("\n").filter(Boolean).map((line) => line.split("|"));
export const sqlNumber = (folder, text) => Number(runSql(folder, text));

// An id as the program gives out now. What it keeps for some days only goes within a minute where its id is older.
export const idOfNow = () => String(BigInt(Date.now() - Date.UTC(2020, 0, 1)) << 22n);

// The behaviours that lie in pages: kit/behaviour.c says how. A shared base has them in its journal.
export function behaviours(folder) {
    const events = [];
    if (isShared)
        return events;
    for (const [hex] of sqlRows(folder, "SELECT hex(events_blob) FROM behaviour_page ORDER BY id")) {
        const bytes = Buffer.from(hex, "hex"), count = bytes.readUInt32LE(4);
        let at = 16 + 40 * count;
        const text = (length) => bytes.subarray(at, (at += length)).toString();
        for (let i = 0; i < count; i++) {
            const item = 16 + 40 * i;
            const kind = text(bytes.readUInt16LE(item + 36)), properties = text(bytes.readUInt16LE(item + 38));
            events.push({ id: bytes.readBigInt64LE(item), customer_id: bytes.readBigInt64LE(item + 16), kind, properties });
        }
    }
    return events;
}

// Runs a command to its end.
export function papilio(given, input) {
    const at = given.indexOf("--data");
    const args = at < 0 ? given : withDb(given[at + 1], given);
    const done = spawnSync(program, args, { encoding: "utf8", input, maxBuffer: 1 << 28, timeout: 900_000 });
    return { code: done.status, signal: done.signal, out: done.stdout, err: done.stderr };
}

// Starts the server and waits for its address (and, on an empty folder, its set-up link).
export async function startServer(test, folder, args = [], bin = program) {
    const child = spawn(bin, ["serve", "--data", folder, "--listen", "127.0.0.1:0", ...withDb(folder, args)],
        { stdio: ["ignore", "pipe", "pipe"] });
    const gone = new Promise((done) => child.once("exit", (code, signal) => done({ code, signal })));
    const server = { child, gone, log: "", out: "", url: "", setup: "" };
    test.after(() => child.kill("SIGKILL"));
    child.stderr.on("data", (bytes) => { server.log += bytes; });
    await new Promise((done, refuse) => {
        child.stdout.on("data", (bytes) => {
            server.out += bytes;
            server.url = server.out.match(/^http:\/\/[^\s/]+/m)?.[0] ?? "";
            server.setup = server.out.match(/http:\/\/\S+\/setup\?token=(\S+)/)?.[1] ?? "";
            if (server.out.includes("ready\n"))
                done();
        });
        gone.then(() => refuse(new Error(`the server ended: ${server.log}`)));
    });
    gone.then(({ signal }) => signal && signal !== "SIGKILL" && console.error(`the server ended by ${signal}: ${server.log.slice(-4000)}`));
    server.kill = async (signal = "SIGTERM") => { child.kill(signal); return gone; };
    return server;
}

// The engine is read after a start, on a shared base once its lease is taken, and may be behind what was written a moment ago:
// who asks is told to ask again.
export const isEngineBusy = (status, json) => status === 503 && /^audience\.(filling|behind|elsewhere)$/.test(json?.error?.code);

// Requests with a session's cookie and CSRF token. `at` may be replaced after a restart.
export class Person {
    putOffCount = 0; // how often the engine was busy

    constructor(url) { this.url = url; }

    async ask(path, body, headers) {
        let answer;
        await until(async () => {
            answer = await this.askOnce(path, body, headers);
            const isBusy = isEngineBusy(answer.status, answer.json);
            this.putOffCount += isBusy;
            return !isBusy;
        }, `${path}: the engine is never level`);
        return answer;
    }

    async askOnce(path, body, headers = {}) {
        const reply = await fetch(this.url + path, {
            method: body === undefined ? "GET" : "POST",
            body: body === undefined ? undefined : JSON.stringify(body),
            headers: {
                "Content-Type": "application/json",
                ...(this.cookie ? { Cookie: this.cookie, "X-CSRF-Token": this.csrf } : {}),
                ...headers,
            },
        });
        const cookie = reply.headers.get("set-cookie")?.split(";")[0];
        const text = await reply.text();
        const json = text ? JSON.parse(text) : null;
        if (cookie) {
            this.cookie = cookie;
            this.csrf = json?.csrf_token;
        }
        return { status: reply.status, json };
    }
}

// The first admin of a new folder.
export async function setUp(server, brand = {}) {
    const person = new Person(server.url);
    const { status, json } = await person.ask("/api/setup", {
        token: server.setup, login: "admin", name: "Admin", password,
        brand_name: "Test", zone: "Asia/Shanghai", currency: "CNY", ...brand,
    });
    if (status !== 200)
        throw new Error(`set-up: ${status} ${JSON.stringify(json)}`);
    return person;
}
