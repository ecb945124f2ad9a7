// Two nodes under load, of which one is killed, whichever has the leases: the other goes on with timers, outbox, sagas and jobs.
// Nothing is lost, leaves twice under another key, or overtakes within a person. TAKEOVER_ROUNDS: 2 here, more in soak.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nap, Person, papilio, setUp, startServer, until } from "../api/papilio.mjs";
import { makeOutside, makeWorld, post, settled, simServer, verify } from "../api/sim.mjs";
import { check, makeNodes, makeSchema, startNode } from "./base.mjs";

const rounds = Number(process.env.TAKEOVER_ROUNDS ?? 2);

function alike(person, url) {
    const other = new Person(url);
    other.cookie = person.cookie;
    other.csrf = person.csrf;
    return other;
}

// The dead do not come back within their time: it is over now, not after minutes.
const isOver = (node) => `UPDATE lease SET until_ms = 0 WHERE node_id = ${node}; UPDATE node SET until_ms = 0 WHERE id = ${node};
    UPDATE saga SET due_ms = 1 WHERE status = 'sent'`;

test(`the node that has the leases is killed, ${rounds} rounds`, { timeout: 1_800_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), outside = await makeOutside(t, folders[0]);
    const rows = (text) => schema.sql(text).split("\n").filter(Boolean).map((line) => line.split("|"));
    const start = (i) => startServer(t, folders[i], ["--db", schema.url, "--key-file", keyFile], simServer);
    const nodes = [await start(0)], person = await setUp(nodes[0]);
    nodes.push(await start(1));
    const people = [person, alike(person, nodes[1].url)], world = await makeWorld(person, 100);
    const queues = Array.from({ length: 8 }, () => []), killed = [];

    for (let round = 0; round < rounds; round++) {
        let isOn = true;
        const all = queues.map((queue, i) => post(world, i, queue, () => isOn, people[i % 2]));
        await nap(700 + Math.random() * 600);
        const node = Number(schema.sql("SELECT node_id FROM lease WHERE name = 'outbox'"));
        await nodes[node].kill("SIGKILL");
        killed.push(node);
        await nap(200);
        isOn = false;
        await Promise.all(all);
        schema.sql(isOver(node));
        const heir = 1 - node; // of two folders: a node's number is the order in which they came; it also answers what the dead did not
        await Promise.all(queues.map((queue, i) => post(world, i, queue, () => false, people[heir])));
        await until(() => schema.sql(`SELECT count(*) FROM lease WHERE node_id = ${heir} AND name IN ('outbox', 'saga', 'timer')`) === "3",
            "the leases stay with the dead");
        nodes[node] = await start(node);
        people[node].url = nodes[node].url;
    }
    await settled(rows);
    for (const server of nodes) {
        const end = await server.kill();
        assert.deepEqual(end, { code: 0, signal: null }, `${JSON.stringify(end)} ${server.log}`);
    }
    assert.equal(schema.sql("SELECT count(*) FROM lease"), "0"); // given up at an orderly end
    t.diagnostic(`${verify(world, outside, rows)}; killed: ${killed.join(", ")}`);
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});

test("a job of a node that was killed is taken over once", { timeout: 900_000 }, async (t) => {
    const schema = makeSchema(), { folders, keyFile } = makeNodes(t), count = 12_000;
    const at = ["--db", schema.url, "--key-file", keyFile], file = join(folders[0], "people.csv");
    writeFileSync(file, ["name,member_no", ...Array.from({ length: count }, (_, i) => `客户${i},m${i}`)].join("\n"));
    const a = await startNode(t, schema, folders[0], keyFile), person = await setUp(a);
    await a.kill();
    const imported = papilio(["import", "customers", file, "--data", folders[0], ...at, "--source", "kill"]);
    assert.equal(imported.code, 0, imported.err);
    const first = await startNode(t, schema, folders[0], keyFile), second = await startNode(t, schema, folders[1], keyFile);
    person.url = first.url;
    const tag = (await person.ask("/api/tags", { family: "intent", name: "many", color: "#2563eb" })).json;
    const { status, json } = await person.ask("/api/customers/bulk",
        { action: "tag_on", tag_id: tag.id, filter: {}, confirm_count: count });
    assert.equal(status, 200, JSON.stringify(json));
    const ofJob = (column) => schema.sql(`SELECT ${column} FROM job WHERE id = ${json.job_id}`), done = () => Number(ofJob("done_count"));
    await until(() => done() > 0, "the job does not begin");
    await first.kill("SIGKILL");
    const left = done();
    assert.ok(left < count, "it was over before it could be killed");
    const heir = alike(person, second.url);
    const id = schema.sql("SELECT max(id) FROM customer"), other = (await heir.ask("/api/tags", { family: "intent", name: "wakes", color: "#2563eb" })).json;
    // It looks for the dead's jobs each minute, and whenever it has one of its own.
    const wake = async () => {
        const begun = await heir.ask("/api/customers/bulk", { action: "tag_on", tag_id: other.id, ids: [{ id }], confirm_count: 1 });
        assert.equal(begun.status, 200, JSON.stringify(begun.json));
        await until(() => schema.sql(`SELECT status FROM job WHERE id = ${begun.json.job_id}`) === "done", "its own job is not done");
    };
    await wake();
    assert.equal(done(), left); // not as long as the dead might come back
    schema.sql(isOver(0));
    await wake();
    await until(() => ofJob("status") === "done", "the job is not taken over");
    assert.equal(schema.sql(`SELECT count(*) FROM customer_tag WHERE tag_id = ${tag.id}`), String(count));
    assert.equal(schema.sql("SELECT count(*) FROM journal WHERE kind = 'tag_added'"), String(count + 1));
    assert.equal(schema.sql("SELECT node_id FROM lease WHERE name = 'jobs:0'"), "1");
    assert.equal(ofJob("changed_count"), String(count));
    await second.kill();
    const sound = check(schema, folders[0], keyFile);
    assert.equal(sound.code, 0, sound.out + sound.err);
});
