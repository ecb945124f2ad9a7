// Peers that mean harm: what they cost is theirs, not the others'.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, Person, setUp, startServer } from "./papilio.mjs";

// As through a proxy of this machine, which says whom it speaks for.
const login = (server, address, name = "admin") => new Person(server.url)
    .ask("/api/login", { login: name, password: "wrong password" }, { "X-Forwarded-For": address });

test("many who try passwords delay each other, not the readers", async (t) => {
    const server = await startServer(t, makeFolder(t)), admin = await setUp(server);
    let done_count = 0, first;
    const some = new Promise((done) => { first = done; });
    const all = Array.from({ length: 150 }, (_, k) => login(server, `203.0.113.${k}`, `name${k}`).then(({ status }) => {
        done_count++;
        first();
        return status;
    }));
    await some;
    for (let i = 0; i < 3; i++)
        assert.equal((await admin.ask("/api/customers")).status, 200);
    assert.ok(done_count < 150, "the reads waited for every password");
    const statuses = await Promise.all(all);
    assert.ok(statuses.every((status) => status === 401 || status === 503), statuses.join());
    assert.ok(statuses.filter((status) => status === 503).length > 20, "the queue of passwords is short");
    assert.equal((await login(server, "198.51.100.7")).status, 401); // and it is over when they are
});

test("an owner of IPv6 addresses has one throttle for all of a network", async (t) => {
    const server = await startServer(t, makeFolder(t));
    await setUp(server);
    const from = async (addresses) => {
        const statuses = [];
        for (const address of addresses)
            statuses.push((await login(server, address)).status);
        return statuses;
    };
    assert.deepEqual(await from(["2001:db8::1", "2001:db8:0:0::2", "2001:db8:0:0:ffff::3", "2001:db8::4", "2001:db8::5",
        "2001:db8::6"]), [401, 401, 401, 401, 401, 429]);
    assert.deepEqual(await from(["2001:db8:0:1::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3"]), [401, 401, 401, 401]);
    // What a peer says itself about whom it speaks for stands before what the proxy adds.
    assert.deepEqual(await from(Array.from({ length: 6 }, (_, k) => `198.51.100.${k}, 192.0.2.9`)),
        [401, 401, 401, 401, 401, 429]);
});

test("no text of a client becomes a header or breaks the answer's form", async (t) => {
    const server = await startServer(t, makeFolder(t)), admin = await setUp(server);
    const evil = "x\r\nSet-Cookie: a=b\"</script>\u2028";
    for (const [path, body] of [
        ["/api/tags", { [evil]: 1 }], [`/api/customers?${encodeURIComponent(evil)}=1`, undefined],
        ["/api/login", { login: evil, password: evil }], ["/api/channels", { code: evil, name: evil, kind: evil }],
        [`/api/customers/${encodeURIComponent(evil)}`, undefined], [`/api/setup?token=${encodeURIComponent(evil)}`, undefined],
    ]) {
        const reply = await fetch(server.url + path, {
            method: body === undefined ? "GET" : "POST", body: body && JSON.stringify(body),
            headers: { "Cookie": admin.cookie, "X-CSRF-Token": admin.csrf, "X-Forwarded-Proto": evil.slice(0, 1) },
        });
        assert.equal(reply.headers.get("set-cookie"), null, path);
        assert.equal(reply.headers.get("content-type"), "application/json");
        assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
        JSON.parse(await reply.text());
    }
    // Text from outside comes back as it was, as text.
    assert.equal((await admin.ask("/api/tags", { family: "intent", name: "<b>'\"&\\", color: "#112233" })).status, 200);
    assert.equal((await admin.ask("/api/tags")).json.items[0].name, "<b>'\"&\\");
    for (const color of ["red;}", "#11223g", "url(x)1"])
        assert.equal((await admin.ask("/api/tags", { family: "intent", name: "c", color })).status, 400, color);
});
