// Event streams, and the end of a server that is asked to stop.
import assert from "node:assert/strict";
import { get, request } from "node:http";
import { test } from "node:test";
import { makeFolder, nap, papilio, password, Person, setUp, startServer, until } from "./papilio.mjs";

const grace_ms = 10_000; // for requests that have begun, once the server is asked to stop

// An open stream of that person: what it heard, and when it ended.
function listen(person) {
    const stream = { heard: "", hasEnded: false, status: 0 };
    stream.ended = new Promise((end) => {
        stream.opened = new Promise((done) => {
            const over = () => { stream.hasEnded = true; done(); end(); };
            stream.request = get(`${person.url}/api/live`, { headers: { Cookie: person.cookie ?? "" }, agent: false },
                (reply) => {
                    stream.status = reply.statusCode;
                    stream.type = reply.headers["content-type"];
                    reply.on("data", (bytes) => { stream.heard += bytes; });
                    reply.on("close", over);
                    reply.on("error", () => {});
                    done();
                }).on("error", over);
        });
    });
    stream.hear = async (wanted) => {
        await until(() => stream.heard.includes(wanted) || stream.hasEnded, () => `heard "${stream.heard}", not ${wanted}`);
        assert.ok(stream.heard.includes(wanted), `heard "${stream.heard}", not ${wanted}`);
    };
    return stream;
}

async function signIn(url) {
    const person = new Person(url);
    assert.equal((await person.ask("/api/login", { login: "admin", password })).status, 200);
    return person;
}

const addTag = (person, name) => person.ask("/api/tags", { family: "intent", name, color: "#112233" });

test("a stream hears the topics of what was committed", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const admin = await setUp(server);
    const nobody = listen(new Person(server.url));
    await nobody.opened;
    assert.equal(nobody.status, 401);

    const stream = listen(admin);
    await stream.opened;
    assert.equal(stream.status, 200);
    assert.equal(stream.type, "text/event-stream");
    const head = await fetch(`${server.url}/api/live`, { method: "HEAD", headers: { Cookie: admin.cookie } });
    assert.equal(head.status, 200);

    assert.equal((await admin.ask("/api/tags", { family: "no such", name: "x", color: "#112233" })).status, 400);
    assert.equal((await admin.ask("/api/channels", { code: "shop", name: "Shop", kind: "store" })).status, 200);
    await stream.hear('event: topic\ndata: {"topics":["channels"');
    assert.equal(stream.heard.split("event: topic").length, 2, stream.heard); // the refused one was not announced
    const event = { message_id: "m1", kind: "page_viewed", anonymous_id: "a" };
    assert.equal((await admin.ask("/api/v1/events", event)).json.accepted_count, 1);
    await stream.hear('"events"');
    stream.request.destroy();
});

test("a stream ends with its session", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const admin = await setUp(server);
    const stream = listen(admin);
    await stream.opened;
    const kept = admin.cookie;
    assert.equal((await admin.ask("/api/logout", {})).status, 200);
    await until(() => stream.hasEnded, "the stream outlives the sign-out");
    admin.cookie = kept;
    const again = listen(admin);
    await again.opened;
    assert.equal(again.status, 401);

    const [one, other] = [await signIn(server.url), await signIn(server.url)];
    const streams = [listen(one), listen(other)];
    await Promise.all(streams.map((each) => each.opened));
    assert.deepEqual(streams.map((each) => each.status), [200, 200]);
    const change = { old_password: password, new_password: `${password} 2` };
    assert.equal((await one.ask("/api/me/password", change)).status, 200);
    await until(() => streams.every((each) => each.hasEnded), "a stream outlives the change of the password");
    const mine = listen(one), hers = listen(other);
    await Promise.all([mine.opened, hers.opened]);
    assert.deepEqual([mine.status, hers.status], [200, 401]);
    mine.request.destroy();
});

test("many commits are told a few times a second, the last one too", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const admin = await setUp(server);
    const stream = listen(admin);
    await stream.opened;
    const begin = performance.now();
    for (let i = 0; i < 60; i++)
        assert.equal((await addTag(admin, `t${i}`)).status, 200);
    const hook = await admin.ask("/api/webhooks", { title: "x", url: "https://a.example/", kinds: "*" });
    await admin.ask(`/api/webhooks/${hook.json.id}/test`, {});
    await stream.hear('"messages"');
    const most = Math.ceil((performance.now() - begin) / 250) + 1;
    const count = stream.heard.split("event: topic").length - 1;
    assert.ok(count <= most, `${count} told, at most ${most}`);
    await stream.hear('"customers"');
    await stream.hear('"timers"');
});

test("200 streams all hear, come and go, and end with the server", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const admin = await setUp(server);
    const streams = Array.from({ length: 200 }, () => listen(admin));
    await Promise.all(streams.map((each) => each.opened));
    assert.ok(streams.every((each) => each.status === 200));
    for (const gone of streams.splice(0, 50))
        gone.request.destroy();
    await addTag(admin, "after the first left");
    assert.equal((await admin.ask("/api/channels", { code: "shop", name: "Shop", kind: "store" })).status, 200);
    await Promise.all(streams.map((each) => each.hear('"channels"')));

    const start_ms = Date.now();
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    await Promise.all(streams.map((each) => each.ended));
    assert.ok(Date.now() - start_ms < grace_ms, "the server waited for its streams");
});

// A post that is half sent when the server is asked to stop.
function halfPost(person, path, body) {
    const text = JSON.stringify(body), half = Math.floor(text.length / 2);
    let finish;
    const answer = new Promise((done, refuse) => {
        const ask = request(person.url + path, {
            method: "POST", agent: false, headers: {
                "Cookie": person.cookie, "X-CSRF-Token": person.csrf, "Content-Length": Buffer.byteLength(text),
            },
        }, (reply) => {
            reply.resume();
            reply.on("end", () => done(reply.statusCode));
        });
        ask.on("error", refuse);
        ask.write(text.slice(0, half));
        finish = () => ask.end(text.slice(half));
    });
    return { answer, finish: () => finish() };
}

test("what was asked before SIGTERM is answered, and what was acknowledged is there after it", async (t) => {
    const folder = makeFolder(t);
    let server = await startServer(t, folder);
    const admin = await setUp(server), acknowledged = [];
    let is_going = true;

    async function post(name) {
        for (let i = 0; is_going; i++) {
            try {
                const { status } = await addTag(admin, `${name}-${i}`);
                assert.equal(status, 200);
                acknowledged.push(`${name}-${i}`);
                await nap(5);
            } catch (error) {
                if (error instanceof assert.AssertionError)
                    throw error;
                return; // the server is gone
            }
        }
    }

    const half = halfPost(admin, "/api/tags", { family: "intent", name: "half", color: "#112233" });
    const posters = Array.from({ length: 8 }, (_, k) => post(`p${k}`));
    await until(() => acknowledged.length > 16, "nothing is taken"); // and the half that was sent first has been read
    const start_ms = Date.now(), ended = server.kill();
    await nap(100);
    half.finish();
    assert.equal(await half.answer, 200, "a request that had begun is answered");
    acknowledged.push("half");
    assert.deepEqual(await ended, { code: 0, signal: null });
    is_going = false;
    await Promise.all(posters);
    assert.ok(Date.now() - start_ms < grace_ms, "the server waited for those who asked nothing any more");

    server = await startServer(t, folder);
    admin.url = server.url;
    const names = (await admin.ask("/api/tags")).json.items.map((tag) => tag.name);
    assert.deepEqual(acknowledged.filter((name) => !names.includes(name)), []);
    assert.deepEqual(await server.kill("SIGINT"), { code: 0, signal: null });
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
