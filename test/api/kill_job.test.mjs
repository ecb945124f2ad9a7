// kill -9 in the middle of a job over many customers: the next server goes on behind the last page that was committed, each
// customer is done once, and taking it back survives the same. KILL_ROUNDS: 4 here, more in soak.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, nap, papilio, setUp, sqlNumber, startServer, until } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 4);
const count = 12_000;

const jobEnd = (person, id) => until(async () => {
    const { json } = await person.ask(`/api/jobs/${id}`);
    return !["waiting", "running", "undoing"].includes(json.status) && json;
}, "the job does not end");

// Kills the server a few times while the job runs; how many of the kills fell inside.
async function killed(t, folder, person, id) {
    let inside = 0;
    for (let round = 0; round < rounds; round++) {
        const server = await startServer(t, folder);
        person.url = server.url;
        await nap(20 + Math.random() * 250);
        await server.kill("SIGKILL");
        const done = sqlNumber(folder, `SELECT done_count FROM job WHERE id = ${id}`);
        inside += done > 0 && done < count;
    }
    const last = await startServer(t, folder);
    person.url = last.url;
    const job = await jobEnd(person, id);
    await last.kill();
    return { inside, job };
}

test("a job survives kill -9", { timeout: 1_800_000 }, async (t) => {
    const folder = makeFolder(t);
    const file = join(folder, "people.csv");
    writeFileSync(file, ["name,member_no", ...Array.from({ length: count }, (_, i) => `客户${i},m${i}`)].join("\n"));
    const first = await startServer(t, folder);
    const person = await setUp(first);
    await first.kill();
    const done = papilio(["import", "customers", file, "--data", folder, "--source", "kill"]);
    assert.equal(done.code, 0, done.err);
    const server = await startServer(t, folder);
    person.url = server.url;
    const tag = (await person.ask("/api/tags", { family: "intent", name: "many", color: "#2563eb" })).json;
    const bulk = await person.ask("/api/customers/bulk", { action: "tag_on", tag_id: tag.id, filter: {}, confirm_count: count });
    assert.equal(bulk.status, 200, JSON.stringify(bulk.json));
    await server.kill("SIGKILL");

    const on = await killed(t, folder, person, bulk.json.job_id);
    assert.equal(on.job.status, "done");
    assert.equal(on.job.done_count, count);
    assert.equal(on.job.changed_count, count);
    assert.equal(sqlNumber(folder, "SELECT count(*) FROM customer_tag"), count);
    assert.equal(sqlNumber(folder, "SELECT count(*) FROM journal WHERE kind = 'tag_added'"), count);

    const again = await startServer(t, folder);
    person.url = again.url;
    assert.equal((await person.ask(`/api/jobs/${bulk.json.job_id}/undo`, {})).status, 200);
    await again.kill("SIGKILL");
    const off = await killed(t, folder, person, bulk.json.job_id);
    assert.equal(off.job.status, "undone");
    assert.deepEqual(off.job.result, { restored: count, kept: 0 });
    assert.equal(sqlNumber(folder, "SELECT count(*) FROM customer_tag"), 0);
    assert.equal(sqlNumber(folder, "SELECT count(*) FROM journal WHERE kind = 'tag_removed'"), count);
    t.diagnostic(`${on.inside} and ${off.inside} of ${rounds} kills fell inside`);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
