// kill -9 in the middle of rotations: whoever is in the base is found and readable after each start, people go on being added, and
// at the end nothing needs the old keys. KILL_ROUNDS: 10 here, 50 in soak.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, nap, papilio, setUp, startServer, until } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10);
const people = 20_000;
const phoneOf = (i) => `1380${String(i).padStart(7, "0")}`;

function keysOf(folder) {
    const lines = readFileSync(join(folder, "papilio.key"), "utf8").trim().split("\n").map((line) => line.split(" "));
    const of = (kind) => lines.filter(([word]) => word === kind).map((words) => words.at(-1));
    return { seal: of("seal"), hash: of("hash") };
}

test(`rotations survive kill -9, ${rounds} rounds`, { timeout: 1_800_000 }, async (t) => {
    const folder = makeFolder(t), file = join(folder, "people.csv");
    let server = await startServer(t, folder), added = 0, inside = 0, finished = 0;
    const admin = await setUp(server);
    await server.kill();
    writeFileSync(file, ["name,phone,email", ...Array.from({ length: people },
        (_, i) => `Name ${i},${phoneOf(i)},m${i}@x.cn`)].join("\n"));
    const map = join(folder, "map.json");
    writeFileSync(map, JSON.stringify({ columns: { name: "name", phone: "phone", email: "email" } }));
    const filled = papilio(["import", "customers", file, "--data", folder, "--mapping", map]);
    assert.equal(filled.code, 0, filled.err + filled.out);
    const first = keysOf(folder);

    const start = async () => {
        server = await startServer(t, folder);
        admin.url = server.url;
    };
    const found = async (phone) => (await admin.ask(`/api/customers?search=${phone}`)).json.items.map((one) => one.phone);
    const look = async () => {
        for (const i of [0, 7, people >> 1, people - 1, Math.floor(Math.random() * people)])
            assert.deepEqual(await found(phoneOf(i)), [`${phoneOf(i).slice(0, 3)}****${phoneOf(i).slice(-4)}`]);
        for (let i = 0; i < added; i++)
            assert.equal((await found(`1390000${String(i).padStart(4, "0")}`)).length, 1);
        const again = await admin.ask("/api/customers", { phone: phoneOf(people >> 2) });
        assert.equal(again.json.error.code, "customer.exists");
    };

    await start();
    for (let kills = 0; kills < rounds; kills++) {
        const state = (await admin.ask("/api/privacy/keys")).json;
        if (!["waiting", "running"].includes(state.job_status)) {
            finished += state.job_status === "done";
            const { status } = await admin.ask("/api/privacy/keys/rotate", { which: finished % 2 ? "hash" : "seal" });
            assert.equal(status, 200);
        }
        await nap(20 + Math.random() * 250);
        const { status } = await admin.ask("/api/customers",
            { name: "New", phone: `1390000${String(added).padStart(4, "0")}` });
        assert.equal(status, 200);
        added++;
        await server.kill("SIGKILL");
        inside += Object.values(keysOf(folder)).some((keys) => keys.length > 1);
        await start();
        await look();
    }
    const rested = () => until(async () => {
        const { job_status } = (await admin.ask("/api/privacy/keys")).json;
        return !["waiting", "running"].includes(job_status) && job_status;
    }, "a rotation does not end");
    for (const which of ["seal", "hash"]) {
        await rested();
        assert.equal((await admin.ask("/api/privacy/keys/rotate", { which })).status, 200);
    }
    assert.equal(await rested(), "done");
    await look();
    await server.kill();
    const last = keysOf(folder);
    assert.deepEqual([last.seal.length, last.hash.length], [1, 1], "one key of each kind is left");
    assert.notEqual(last.seal[0], first.seal[0]);
    assert.notEqual(last.hash[0], first.hash[0]);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
    assert.match(check.out, /ok +keys_current/);
    t.diagnostic(`${inside} of ${rounds} kills fell inside a rotation, ${finished} came to their end`);
    assert.ok(inside >= rounds / 3, `only ${inside} of ${rounds} kills fell inside`);
});
