// Who may ask what: the set-up link, signing in and out, sessions, CSRF, write keys, and every route of the API document.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, papilio, password, Person, setUp, startServer, until } from "./papilio.mjs";

// A viewer and an operator are added from the command line before the server starts; login -> Person.
async function startWith(t, logins, args = []) {
    const folder = makeFolder(t);
    let server = await startServer(t, folder, args);
    const admin = await setUp(server);
    await server.kill();
    for (const [login, role] of Object.entries(logins)) {
        const done = papilio(["user", "add", login, "--role", role, "--data", folder], `${password}\n`);
        assert.equal(done.code, 0, done.err);
    }
    server = await startServer(t, folder, args);
    admin.url = server.url;
    return { folder, server, admin };
}

async function signIn(url, login, word = password) {
    const person = new Person(url);
    const { status, json } = await person.ask("/api/login", { login, password: word });
    assert.equal(status, 200, JSON.stringify(json));
    return person;
}

const code = (answer) => answer.json?.error?.code;

// Over the socket file in the data folder: who reaches that file has all rights.
function askLocally(folder, path, body) {
    const text = body === undefined ? "" : JSON.stringify(body);
    return new Promise((done, refuse) => {
        const ask = request({
            socketPath: join(folder, "papilio.sock"), path, method: body === undefined ? "GET" : "POST",
            headers: { "Content-Length": Buffer.byteLength(text) },
        }, (reply) => {
            let heard = "";
            reply.on("data", (bytes) => { heard += bytes; });
            reply.on("end", () => done({ status: reply.statusCode, text: heard }));
        });
        ask.on("error", refuse);
        ask.end(text);
    });
}

test("the set-up link works once", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const nobody = new Person(server.url);
    const brand = {
        login: "admin", name: "Admin", password, brand_name: "Test", zone: "Asia/Shanghai", currency: "CNY",
    };
    assert.match(server.setup, /^[A-Za-z0-9_-]{20,}$/);
    assert.deepEqual((await nobody.ask("/api/setup?token=wrong")).json, { is_open: true, is_valid: false });
    assert.deepEqual((await nobody.ask(`/api/setup?token=${server.setup}`)).json, { is_open: true, is_valid: true });
    assert.equal(code(await nobody.ask("/api/setup", { ...brand, token: "wrong" })), "setup.link");
    assert.equal(code(await nobody.ask("/api/setup", { ...brand, token: server.setup, password: "short" })),
        "input.length");
    assert.equal(code(await nobody.ask("/api/setup", { ...brand, token: server.setup, zone: "../../etc/passwd" })),
        "setup.zone");
    assert.equal((await nobody.ask(`/api/setup?token=${server.setup}`)).json.is_valid, true); // refusals use nothing up

    const racers = Array.from({ length: 6 }, (_, k) => new Person(server.url)
        .ask("/api/setup", { ...brand, login: `admin${k}`, token: server.setup }));
    const answers = await Promise.all(racers);
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 403, 403, 403, 403, 403]);
    assert.deepEqual((await nobody.ask(`/api/setup?token=${server.setup}`)).json, { is_open: false, is_valid: false });
    assert.equal(code(await nobody.ask("/api/setup", { ...brand, token: server.setup })), "setup.link");
});

test("a wrong login and a wrong password answer the same, and both are throttled", async (t) => {
    const { server } = await startWith(t, {});
    const ask = (login, word) => new Person(server.url).ask("/api/login", { login, password: word });
    const unknown = await ask("nobody-here", "wrong password");
    const wrong = await ask("admin", "wrong password");
    assert.equal(unknown.status, 401);
    assert.deepEqual(unknown, wrong);

    for (let i = 0; i < 4; i++)
        assert.equal((await ask("ADMIN ", `wrong password ${i}`)).status, 401); // the same login, however written
    const late = await ask("admin", password);
    assert.equal(late.status, 429);
    assert.equal(code(late), "login.too_often");
    assert.match(late.json.error.message, /\d+ ms/);
    const again = await fetch(`${server.url}/api/login`, { method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ login: "admin", password }) });
    const waitS = Number(again.headers.get("retry-after"));
    assert.ok(again.status === 429 && waitS >= 1 && waitS <= 60, `${again.status} ${waitS}`);
    const statuses = [];
    for (let i = 0; i < 30; i++)
        statuses.push((await ask(`other${i}`, "wrong password")).status);
    assert.equal(statuses.at(-1), 429, "one peer tries one password for many logins");
    assert.equal(statuses.filter((status) => status === 401).length, 30 - 8); // 8 tries came before
});

test("cookies, signing out, and a password change that ends the other sessions", async (t) => {
    const { server, admin } = await startWith(t, {});
    const reply = await fetch(`${server.url}/api/login`, {
        method: "POST", body: JSON.stringify({ login: "admin", password }), headers: { "X-Forwarded-Proto": "https" },
    });
    const cookie = reply.headers.get("set-cookie");
    assert.match(cookie, /^papilio_session=[A-Za-z0-9_-]{40,};/);
    for (const flag of ["HttpOnly", "SameSite=Lax", "Path=/", "Secure", "Max-Age=2592000"])
        assert.ok(cookie.split("; ").includes(flag), `${cookie} lacks ${flag}`);
    assert.equal(reply.headers.get("cache-control"), "no-store");

    // A cookie that somebody planted is not taken over.
    const planted = new Person(server.url);
    planted.cookie = `papilio_session=${"a".repeat(43)}`;
    const { status } = await planted.ask("/api/login", { login: "admin", password });
    assert.equal(status, 200);
    assert.notEqual(planted.cookie, `papilio_session=${"a".repeat(43)}`);

    const [first, second] = [await signIn(server.url, "admin"), await signIn(server.url, "admin")];
    assert.notEqual(first.cookie, second.cookie);
    const kept = first.cookie;
    assert.equal((await first.ask("/api/logout", {})).status, 200);
    first.cookie = kept;
    assert.equal((await first.ask("/api/me")).status, 401);
    assert.equal((await second.ask("/api/me")).status, 200);

    const next_password = "another horse battery";
    assert.equal(code(await second.ask("/api/me/password", { old_password: "not it", new_password: next_password })),
        "password.wrong");
    assert.equal((await second.ask("/api/me/password", { old_password: password, new_password: next_password })).status,
        200);
    assert.equal((await second.ask("/api/me")).status, 200);
    assert.equal((await second.ask("/api/tags", { family: "intent", name: "x", color: "#112233" })).status, 200);
    for (const ended of [admin, planted])
        assert.equal((await ended.ask("/api/me")).status, 401);
    assert.equal((await new Person(server.url).ask("/api/login", { login: "admin", password })).status, 401);
    await signIn(server.url, "admin", next_password);
});

test("a change by cookie needs the token of that session", async (t) => {
    const { server, admin } = await startWith(t, {});
    const other = await signIn(server.url, "admin");
    const tag = { family: "intent", name: "x", color: "#112233" };
    for (const token of ["", "x", other.csrf, admin.csrf.slice(0, -1), `${admin.csrf}x`, admin.csrf.toUpperCase()]) {
        const answer = await admin.ask("/api/tags", tag, { "X-CSRF-Token": token });
        assert.equal(answer.status, 403, token);
        assert.equal(code(answer), "gate.csrf");
    }
    const bare = await fetch(`${server.url}/api/tags`,
        { method: "POST", body: JSON.stringify(tag), headers: { Cookie: admin.cookie } });
    assert.equal(bare.status, 403);
    assert.equal((await admin.ask("/api/tags")).json.items.length, 0);
    assert.equal((await admin.ask("/api/tags", tag)).status, 200);
});

test("write keys: on, off, unknown, and only for events", async (t) => {
    const { server, admin } = await startWith(t, {});
    await admin.ask("/api/write-keys", { name: "site" });
    const [key] = (await admin.ask("/api/write-keys")).json.items;
    const nobody = new Person(server.url);
    const event = (id) => ({ message_id: id, kind: "page_viewed", anonymous_id: "a1" });
    const withKey = { "X-Write-Key": key.key_text };
    assert.equal((await nobody.ask("/api/v1/events", event("1"), withKey)).json.accepted_count, 1);
    assert.equal((await nobody.ask(`/api/v1/beacon?key=${key.key_text}`, event("2"))).status, 204);
    assert.equal((await nobody.ask(`/api/v1/events?key=${key.key_text}`, event("3"))).status, 401);
    assert.equal((await nobody.ask("/api/v1/events", event("3"))).status, 401);
    assert.equal((await nobody.ask("/api/v1/beacon", event("3"))).status, 401);
    for (const text of ["x", "", key.key_text.slice(1), `${key.key_text} x`])
        assert.equal((await nobody.ask("/api/v1/events", event("3"), { "X-Write-Key": text })).status, 401, text);
    assert.equal((await nobody.ask("/api/customers", undefined, withKey)).status, 401);
    assert.equal((await nobody.ask("/api/write-keys", undefined, withKey)).status, 401);

    assert.equal((await admin.ask(`/api/write-keys/${key.id}/edit`, { is_active: false })).status, 200);
    assert.equal((await nobody.ask("/api/v1/events", event("4"), withKey)).status, 401);
    assert.equal((await nobody.ask(`/api/v1/beacon?key=${key.key_text}`, event("4"))).status, 401);
    assert.equal((await admin.ask(`/api/write-keys/${key.id}/edit`, { is_active: true })).status, 200);
    assert.equal((await nobody.ask("/api/v1/events", event("4"), withKey)).json.accepted_count, 1);
});

test("one person's key of repetition is not another's", async (t) => {
    const { server, admin } = await startWith(t, { opal: "operator" });
    const opal = await signIn(server.url, "opal");
    const key = { "Idempotency-Key": "the same" };
    const mine = await admin.ask("/api/tags", { family: "intent", name: "mine", color: "#112233" }, key);
    const hers = await opal.ask("/api/tags", { family: "intent", name: "hers", color: "#112233" }, key);
    assert.equal(mine.status, 200);
    assert.equal(hers.status, 200);
    assert.notEqual(mine.json.id, hers.json.id);
});

const fill = (path) => path.replace(/\{[^}]+\}/g, "1");
const has = (permissions, wanted) => ["*", wanted].some((word) => permissions.split(" ").includes(word));

test("every route of the document, as nobody, as viewer and as operator", async (t) => {
    const { folder, server, admin } = await startWith(t, { vera: "viewer", opal: "operator" });
    const document = (await admin.ask("/api/openapi.json")).json;
    const people = [await signIn(server.url, "vera"), await signIn(server.url, "opal")];
    for (const person of people)
        person.permissions = (await person.ask("/api/me")).json.permissions;
    assert.ok(!people[0].permissions.includes("write"), people[0].permissions);
    const nobody = new Person(server.url);
    let route_count = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
        for (const [method, operation] of Object.entries(methods)) {
            const permission = operation["x-permission"], body = method === "get" ? undefined : {};
            route_count++;
            assert.ok(permission, `${method} ${path} has no permission`);
            if (permission === "public")
                continue;
            const refused = await nobody.ask(fill(path), body);
            assert.equal(refused.status, 401, `${method} ${path} as nobody`);
            assert.deepEqual(Object.keys(refused.json), ["error"]);
            if (permission === "me" || permission === "write_key")
                continue;
            for (const person of people.filter((each) => !has(each.permissions, permission))) {
                const answer = await person.ask(fill(path), body);
                assert.equal(answer.status, 403, `${method} ${path} as ${person.permissions}`);
                assert.equal(code(answer), "gate.permission");
            }
            if (method === "get") {
                // 400: it asks for something that is not in the path
                for (const person of people.filter((each) => has(each.permissions, permission)))
                    assert.ok([200, 400, 404].includes((await person.ask(fill(path))).status), `${path}`);
                const local = await until(async () => { // 503: the engine asks to come again
                    const { status } = await askLocally(folder, fill(path));
                    return status !== 503 && status;
                }, path);
                assert.ok([200, 400, 404].includes(local), path);
            }
        }
    }
    assert.ok(route_count > 25, `${route_count}`);
    // Spelled otherwise, a route is not another door: at most it is a page of the console.
    for (const path of ["/api/customers/", "//api/customers", "/api//customers", "/API/customers", "/api/./customers",
        "/api/%63ustomers", "/api/customers;x=1", "/local/import", "/local/check"]) {
        const reply = await fetch(server.url + path), text = await reply.text();
        assert.ok([401, 403, 404].includes(reply.status) || text.startsWith("<!doctype html>"), `${path}: ${text}`);
    }
});

test("the socket file of this machine has all rights, and figures are for this machine only", async (t) => {
    const { folder, server, admin } = await startWith(t, {});
    const added = await askLocally(folder, "/api/tags", { family: "intent", name: "local", color: "#112233" });
    assert.equal(added.status, 200, added.text);
    assert.equal((await askLocally(folder, "/api/tags")).status, 200);
    assert.equal((await askLocally(folder, "/metrics")).status, 200);
    assert.equal((await admin.ask("/local/check")).status, 403);

    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^papilio_must_total 0$/m);
    // Through a proxy of this machine, for a peer elsewhere; what that peer made up itself stands before.
    for (const line of ["203.0.113.9", "127.0.0.1, 203.0.113.9"]) {
        const far = await fetch(`${server.url}/metrics`, { headers: { "X-Forwarded-For": line } });
        assert.equal(far.status, 403, line);
    }
});

test("a page by its file name has the headers of pages", async (t) => {
    const pages = makeFolder(t);
    writeFileSync(join(pages, "index.html"), "<!doctype html><p>hi");
    const server = await startServer(t, makeFolder(t), ["--pages", pages]);
    for (const path of ["/", "/login", "/index.html"]) {
        const reply = await fetch(server.url + path);
        await reply.text();
        assert.equal(reply.status, 200, path);
        assert.match(reply.headers.get("content-security-policy") ?? "", /default-src 'self'/, path);
        assert.equal(reply.headers.get("x-frame-options"), "DENY", path);
    }
    for (const path of ["/..%2f..%2fpackage.json", "/%2e%2e/package.json", "/.%00./x", "/etc//passwd.txt"])
        assert.notEqual((await fetch(server.url + path)).status, 200, path);
});
