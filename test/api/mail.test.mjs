// Mail by the settings, against an SMTP server that others wrote: what arrives, what is refused, and that neither a password
// nor a mail leaves without TLS.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SMTPServer } from "smtp-server";
import { isShared, makeFolder, papilio, Person, runSql, setUp, startServer, until } from "./papilio.mjs";

const secret = "hunter2-ünlikely";
const ends = [];
let folder, server, admin;

before(async () => {
    const t = { after: (end) => ends.unshift(end) };
    folder = makeFolder(t);
    server = await startServer(t, folder);
    admin = await setUp(server, { brand_name: "花间集" });
});
after(() => ends.forEach((end) => end()));

async function smtp(t, options = {}, host = "127.0.0.1") {
    const seen = { mails: [], logins: [], sessions: [] };
    const mta = new SMTPServer({
        logger: false,
        onAuth: ({ username, password }, session, done) => {
            seen.logins.push({ username, password, isTls: session.secure });
            done(password === secret ? null : Object.assign(new Error("wrong user or password, friend"), { responseCode: 535 }),
                { user: username });
        },
        onRcptTo: ({ address }, session, done) => done(address.startsWith("nobody")
            ? Object.assign(new Error("no such mailbox here"), { responseCode: 550 }) : null),
        onData: (stream, session, done) => {
            let text = "";
            stream.on("data", (bytes) => { text += bytes; });
            stream.on("end", () => {
                seen.mails.push({ text, from: session.envelope.mailFrom.address, isTls: session.secure,
                    to: session.envelope.rcptTo.map(({ address }) => address), user: session.user });
                done(null, "queued as PAPILIO-1");
            });
        },
        ...options,
    });
    mta.on("error", () => {}); // a peer that leaves
    await new Promise((done) => mta.listen(0, host, done));
    t.after(() => new Promise((done) => mta.close(done)));
    return { port: mta.server.address().port, seen };
}

async function set(values) {
    const { items } = (await admin.ask("/api/settings")).json;
    for (const [name, value] of Object.entries(values)) {
        const { version_count } = items.find((item) => item.name === name);
        const { status, json } = await admin.ask("/api/settings", { name, value, version_count, reason: "test" });
        assert.equal(status, 200, `${name}: ${JSON.stringify(json)}`);
    }
}

const use = (port, more = {}) => set({ smtp_host: "127.0.0.1", smtp_port: port, smtp_security: "starttls", smtp_user: "brand",
    smtp_from: "shop@brand.cn", smtp_password: secret, ...more });

const trialNow = async () => (await admin.ask("/api/settings/mail-test")).json;

async function trial(to = "li@example.org") {
    const { status, json } = await admin.ask("/api/settings/mail-test", { to });
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.status, "running");
    const now = await until(async () => {
        const one = await trialNow();
        return one.status !== "running" && one;
    }, "the trial does not end");
    assert.equal(now.asked_ms, json.asked_ms);
    assert.ok(now.ended_ms >= now.asked_ms);
    return now;
}

const decoded = (text) => [...text.matchAll(/=\?UTF-8\?B\?([^?]*)\?=/g)].map(([, code]) => Buffer.from(code, "base64")).join("");

test("nothing is set", async () => {
    assert.equal((await admin.ask("/api/settings/mail-test")).json.status, "none");
    const { status, words } = await trial();
    assert.equal(status, "failed");
    assert.equal(words, "no mail server is set");
});

test("STARTTLS, signed in, and what arrives", async (t) => {
    const { port, seen } = await smtp(t);
    await use(port);
    const { status, words } = await trial();
    assert.equal(status, "sent", words);
    assert.match(words, /^250 .*PAPILIO-1/);
    assert.deepEqual(seen.logins, [{ username: "brand", password: secret, isTls: true }]);
    assert.equal(seen.mails.length, 1);
    const [mail] = seen.mails;
    assert.deepEqual([mail.from, mail.to, mail.isTls, mail.user], ["shop@brand.cn", ["li@example.org"], true, "brand"]);
    const [head, body] = mail.text.split("\r\n\r\n");
    assert.match(head, /^To: <li@example\.org>$/m);
    assert.equal(decoded(head.match(/^From: ((?:.|\r\n )*)/m)[1]), "花间集");
    assert.match(decoded(head.match(/^Subject: ((?:.|\r\n )*)/m)[1]), /^花间集：发信测试/);
    assert.match(head, /^Message-ID: <\S+@brand\.cn>\r?$/m);
    assert.ok(Math.abs(Date.parse(head.match(/^Date: (.*)/m)[1]) - Date.now()) < 60_000);
    assert.match(Buffer.from(body, "base64").toString(), /^这封邮件说明发信设置可用。\r\n/);
    assert.ok(mail.text.split("\r\n").every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line)));
});

test("TLS from the first byte; and without any, on this machine only", async (t) => {
    const tls = await smtp(t, { secure: true });
    await use(tls.port, { smtp_security: "tls" });
    assert.equal((await trial()).status, "sent");
    assert.equal(tls.seen.mails[0].isTls, true);
    const plain = await smtp(t, { hideSTARTTLS: true, authOptional: true, disabledCommands: ["AUTH"] });
    await use(plain.port, { smtp_security: "none", smtp_user: "", smtp_password: "" });
    assert.equal((await trial()).status, "sent");
    assert.equal(plain.seen.mails[0].isTls, false);
    await set({ smtp_host: "mail.example.org" });
    assert.match((await trial()).words, /without TLS mail goes only to a server on this machine/);
});

test("a server that offers no STARTTLS gets neither password nor mail", async (t) => {
    const { port, seen } = await smtp(t, { hideSTARTTLS: true, authOptional: true, allowInsecureAuth: true });
    await use(port);
    const { status, words } = await trial();
    assert.equal(status, "failed");
    assert.match(words, /STARTTLS|TLS|SSL/i);
    assert.deepEqual([seen.logins, seen.mails], [[], []]);
});

test("a certificate of nobody's is not believed beyond this machine", async (t) => {
    const host = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    if (!host)
        return t.skip("no other interface");
    const { port, seen } = await smtp(t, {}, host);
    await use(port, { smtp_host: host, smtp_password: secret });
    const { status, words } = await trial();
    assert.equal(status, "failed");
    assert.match(words, /certificate/i);
    assert.deepEqual([seen.logins, seen.mails], [[], []]);
});

test("what the server refuses, in its own words", async (t) => {
    const { port, seen } = await smtp(t);
    await use(port);
    assert.match((await trial("nobody@example.org")).words, /^550 .*no such mailbox here/);
    await set({ smtp_password: "wrong one" });
    const denied = await trial();
    assert.equal(denied.status, "failed");
    assert.match(denied.words, /^535 .*wrong user or password, friend/);
    assert.equal(seen.mails.length, 0);
    await set({ smtp_port: 1 });
    assert.match((await trial()).words, /connect/i);
});

test("a server that says nothing, and one that leaves", async (t) => {
    const held = [];
    const silent = createServer((socket) => { held.push(socket.on("error", () => {})); }).listen(0, "127.0.0.1");
    const rude = createServer((socket) => socket.on("error", () => {}).end("220 hello\r\n")).listen(0, "127.0.0.1");
    await Promise.all([silent, rude].map((each) => new Promise((done) => each.once("listening", done))));
    t.after(() => { held.forEach((socket) => socket.destroy()); silent.close(); rude.close(); });
    await use(rude.address().port);
    assert.equal((await trial()).status, "failed");
    await use(silent.address().port);
    const waiting = trial();
    await until(() => held.length > 0, "nobody dials");
    const second = await admin.ask("/api/settings/mail-test", { to: "li@example.org" });
    assert.deepEqual([second.status, second.json.error.code], [409, "mail.running"]);
    assert.equal((await admin.ask("/api/customers", { name: "meanwhile" })).status, 200);
    assert.equal((await trialNow()).status, "running", "somebody waited for a mail");
    const { status, words } = await waiting;
    assert.equal(status, "failed");
    assert.match(words, /timed? ?out|timeout/i);
});

test("the password: shown to nobody, and for the server it was given for", async (t) => {
    const { port, seen } = await smtp(t);
    await use(port);
    const said = JSON.stringify([(await admin.ask("/api/settings")).json, (await admin.ask("/api/settings/smtp_password/versions")).json]);
    assert.equal(said.includes(secret), false);
    const item = (await admin.ask("/api/settings")).json.items.find(({ name }) => name === "smtp_password");
    assert.deepEqual([item.kind, item.value, item.has_secret], ["secret", "", true]);
    const stored = isShared ? ["setting", "setting_version"].map((table) => runSql(folder, `SELECT * FROM ${table}`))
        : ["papilio.db", "papilio.db-wal"].map((name) => readFileSync(join(folder, name)));
    assert.deepEqual(stored.map((text) => text.length > 0 && !text.includes(secret)), [true, true]);
    await set({ smtp_host: "localhost" });
    const { status, words } = await trial();
    assert.equal(status, "failed");
    assert.match(words, /another server; please set it again/);
    assert.deepEqual(seen.logins, []);
    await set({ smtp_password: secret });
    assert.equal((await trial()).status, "sent");
    await set({ smtp_password: "" });
    assert.equal((await admin.ask("/api/settings")).json.items.find(({ name }) => name === "smtp_password").has_secret, false);
});

test("bad input", async () => {
    const version = async (name) => (await admin.ask("/api/settings")).json.items.find((item) => item.name === name).version_count;
    for (const [name, value] of [["smtp_host", "a b"], ["smtp_host", "smtp://x"], ["smtp_host", "x:25/\r\n"], ["smtp_from", "花@x"],
        ["smtp_from", "a@b\r\nBcc: c@d"], ["smtp_security", "ssl"], ["smtp_port", 0], ["smtp_port", 65536], ["smtp_password", "x".repeat(201)]]) {
        const { status, json } = await admin.ask("/api/settings", { name, value, reason: "test", version_count: await version(name) });
        assert.equal(status, 400, `${name} ${value}: ${JSON.stringify(json)}`);
    }
    for (const to of ["", "x", "a@b\r\nRCPT TO:<c@d>", "<a@b>", "a@b,c@d", `${"a".repeat(260)}@b.cn`])
        assert.equal((await admin.ask("/api/settings/mail-test", { to })).status, 400, to);
    assert.equal((await new Person(server.url).ask("/api/settings/mail-test", { to: "a@b.cn" })).status, 401);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
    assert.equal(server.log.includes(secret), false);
});
