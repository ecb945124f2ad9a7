// kill -9 while people claim, money goes back, notices leave and timers run: what was acknowledged is there, a repeat
// under the same key is the same, money moves once under each number, timers ran once, and every invariant holds.
// SIM_KILL_ROUNDS: 10 here, 200 in soak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, nap, papilio, setUp, sqlRows, startServer, until } from "./papilio.mjs";
import { makeOutside, makeWorld, post, settled, simServer, verify } from "./sim.mjs";

const rounds = Number(process.env.SIM_KILL_ROUNDS ?? 10), posters = 8;

test(`claims, payments, notices and timers survive kill -9, ${rounds} rounds`, { timeout: 3_600_000 }, async (t) => {
    const folder = makeFolder(t), outside = await makeOutside(t, folder), rows = (text) => sqlRows(folder, text);
    let server = await startServer(t, folder, [], simServer);
    const person = await setUp(server), world = await makeWorld(person, 200);
    const queues = Array.from({ length: posters }, () => []);

    for (let round = 0; round < rounds; round++) {
        let isOn = true;
        const all = queues.map((queue, i) => post(world, i, queue, () => isOn));
        await nap(100 + Math.random() * 400);
        await until(() => world.rewards.length > round * 3, "nothing is claimed any more");
        await server.kill("SIGKILL");
        isOn = false;
        await Promise.all(all);
        server = await startServer(t, folder, [], simServer);
        person.url = server.url;
    }
    await Promise.all(queues.map((queue, i) => post(world, i, queue, () => false)));
    await settled(rows);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    t.diagnostic(verify(world, outside, rows));
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
