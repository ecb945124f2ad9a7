// The whole program over raw sockets: what src/host/http_test.c shows of the HTTP layer holds for what ships, with its own deadlines.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

const program = resolve(process.env.PAPILIO_BIN ?? "build/release/papilio");
const host = "Host: localhost\r\n";
const health = `GET /healthz HTTP/1.1\r\n${host}`;
let folder, server, port;

function start(data) {
    const child = spawn(program, ["serve", "--data", data, "--listen", "127.0.0.1:0"],
        { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((done) => child.once("exit", (code, signal) => done({ code, signal })));
    return new Promise((done, refuse) => {
        let out = "";
        child.stdout.on("data", (bytes) => {
            out += bytes;
            const found = out.match(/http:\/\/127\.0\.0\.1:(\d+)/);
            if (found)
                done({ child, ended, port: Number(found[1]) });
        });
        ended.then(({ code }) => refuse(new Error(`the server ended with ${code}`)));
    });
}

before(async () => {
    folder = mkdtempSync(join(tmpdir(), "papilio-http-"));
    server = await start(folder);
    port = server.port;
});

after(async () => {
    server.child.kill("SIGTERM");
    await server.ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

const nap = (ms) => new Promise((done) => setTimeout(done, ms).unref());

// A connection that keeps what it hears.
function dial(at = port) {
    const socket = connect(at, "127.0.0.1");
    const peer = { socket, heard: "", hasEnded: false };
    socket.on("data", (bytes) => { peer.heard += bytes.toString("latin1"); });
    socket.on("error", () => {});
    peer.ended = new Promise((done) => socket.once("close", () => { peer.hasEnded = true; done(); }));
    peer.say = (text) => socket.write(Buffer.from(text, "latin1"));
    peer.hear = async (wanted, ms = 120_000) => {
        for (const end = Date.now() + ms; Date.now() < end && !peer.hasEnded && !wanted(peer.heard);)
            await nap(5);
        return peer.heard;
    };
    return peer;
}

async function ask(...pieces) {
    const peer = dial();
    for (const piece of pieces) {
        peer.say(piece);
        if (pieces.length > 1)
            await nap(2);
    }
    await Promise.race([peer.ended, nap(120_000)]);
    peer.socket.destroy();
    return peer.heard;
}

const status = (answer) => Number(answer.match(/^HTTP\/1\.1 (\d{3}) /)?.[1] ?? 0);
const count = (answer, part) => answer.split(part).length - 1;

const refusals = [
    ["length and chunks", 400, `POST /api/login HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["two lengths", 400, `POST /api/login HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
    ["signed length", 400, `POST /api/login HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello`],
    ["blank before the colon", 400, "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n"],
    ["NUL in a header", 400, `${health}X: a\0b\r\n\r\n`],
    ["bare LF", 400, "GET /healthz HTTP/1.1\nHost: x\n\n"],
    ["folded header", 400, `${health}X: a\r\n b\r\n\r\n`],
    ["no Host", 400, "GET /healthz HTTP/1.1\r\n\r\n"],
    ["two Hosts", 400, `${health}${host}\r\n`],
    ["control character in the target", 400, `GET /\x01 HTTP/1.1\r\n${host}\r\n`],
    ["body announced too large", 413, `POST /api/login HTTP/1.1\r\n${host}Content-Length: 99999999999\r\n\r\n`],
    ["64 KiB header", 431, `${health}X: ${"y".repeat(65536)}\r\n\r\n`],
    ["200 headers", 431, `${health}${"X: y\r\n".repeat(199)}\r\n`],
    ["long target", 414, `GET /${"a".repeat(8300)} HTTP/1.1\r\n${host}\r\n`],
    ["other expectation", 417, `POST /api/login HTTP/1.1\r\n${host}Content-Length: 2\r\nExpect: more\r\n\r\nhi`],
    ["unknown method", 501, `FETCH / HTTP/1.1\r\n${host}\r\n`],
    ["method not for us", 405, `TRACE / HTTP/1.1\r\n${host}\r\n`],
    ["HTTP/2", 505, `GET / HTTP/2.0\r\n${host}\r\n`],
    ["TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
];

for (const [name, wanted, text] of refusals) {
    test(`refuses: ${name}`, async () => {
        const answer = await ask(text);
        assert.equal(status(answer), wanted, answer);
        assert.match(answer, /\r\nConnection: close\r\n/);
        const { error } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
        assert.match(error.code, /^http\./);
        assert.ok(error.message);
        const middle = Math.min(Math.floor(text.length / 2), 60);
        assert.equal(status(await ask(text.slice(0, middle), text.slice(middle))), wanted);
    });
}

test("answers pipelined requests in order", async () => {
    const answer = await ask(`${health}\r\nHEAD /healthz HTTP/1.1\r\n${host}\r\n`
        + `GET /metrics HTTP/1.1\r\n${host}\r\n${health}Connection: close\r\n\r\n`);
    assert.equal(count(answer, "HTTP/1.1 200 OK"), 4);
    assert.equal(count(answer, "is_ok"), 2);
    assert.ok(answer.indexOf("is_ok") < answer.indexOf("papilio_requests_total"));
    assert.ok(answer.lastIndexOf("is_ok") > answer.indexOf("papilio_requests_total"));
});

test("tells to continue, and reads chunks", async () => {
    const peer = dial();
    const post = `POST /api/login HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    peer.say(`${post}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    assert.equal(await peer.hear((heard) => heard.endsWith("\r\n\r\n")), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.say("{}");
    await peer.hear((heard) => count(heard, "HTTP/1.1 ") === 2 && heard.endsWith("}"));
    const first = peer.heard.slice("HTTP/1.1 100 Continue\r\n\r\n".length);
    assert.equal(Math.floor(status(first) / 100), 4);
    peer.heard = "";
    peer.say(`${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: z\r\n\r\n`);
    await peer.hear((heard) => heard.endsWith("}"));
    assert.equal(status(peer.heard), status(first)); // the same body, so the same answer
    peer.socket.destroy();
});

test("ends slow heads and idle connections at ten seconds, whatever trickles in", async () => {
    const slow = dial(), idle = dial(), start_ms = Date.now();
    slow.say(`${health}X: `);
    const drip = setInterval(() => slow.say("y"), 1000);
    await Promise.all([slow.hear((heard) => heard.endsWith("}}")), Promise.race([idle.ended, nap(120_000)])]);
    clearInterval(drip);
    assert.equal(status(slow.heard), 408);
    assert.ok(idle.hasEnded);
    assert.equal(idle.heard, "");
    assert.ok(Date.now() - start_ms > 9500);
    slow.socket.destroy();
});

test("serves another's client over kept connections", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const get = () => new Promise((done, refuse) => {
        request({ port, path: "/healthz", agent }, (reply) => {
            const local = reply.socket.localPort;
            let text = "";
            reply.on("data", (bytes) => { text += bytes; });
            reply.on("end", () => done({ status: reply.statusCode, text, local }));
        }).on("error", refuse).end();
    });
    const replies = await Promise.all(Array.from({ length: 200 }, get));
    assert.ok(replies.every((reply) => reply.status === 200 && JSON.parse(reply.text).is_ok));
    assert.equal(new Set(replies.map((reply) => reply.local)).size, 4);
    agent.destroy();
});

test("keeps its socket file to itself", () => {
    const found = statSync(join(folder, "papilio.sock"));
    assert.ok(found.isSocket());
    assert.equal(found.mode & 0o777, 0o600);
});

test("ends idle connections on SIGTERM and then itself", async () => {
    const data = mkdtempSync(join(tmpdir(), "papilio-http-"));
    const other = await start(data);
    const idle = dial(other.port);
    idle.say(`${health}\r\n`);
    await idle.hear((heard) => heard.endsWith("}"));
    const start_ms = Date.now();
    other.child.kill("SIGTERM");
    assert.deepEqual(await other.ended, { code: 0, signal: null });
    await idle.ended;
    assert.ok(Date.now() - start_ms < 10_000, "it waited until idle connections end by themselves");
    assert.equal(count(idle.heard, "HTTP/1.1 "), 1);
    rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});
