// The database's machine dies under load and its synchronous standby takes over: the node finds it by itself, with all that was
// acknowledged and nothing twice. FAILOVER_ROUNDS: 1 here, more in soak.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nap, setUp, until } from "../api/papilio.mjs";
import { check, makeNodes, makeSchema, runServer, startNode } from "./base.mjs";
import { post, untilMore, verify } from "./events.mjs";

const rounds = Number(process.env.FAILOVER_ROUNDS ?? 1);

// A machine: a folder of its own, with the cluster in data/ and its socket.
function makeMachine(t) {
    const folder = mkdtempSync(join(tmpdir(), "papilio-machine-")), data = join(folder, "data");
    chmodSync(folder, 0o777);
    const machine = { folder, data };
    machine.sql = (text) => {
        const done = spawnSync("psql", ["-XAtq", "-h", folder, "-c", text], { encoding: "utf8" });
        assert.equal(done.status, 0, done.stderr);
        return done.stdout.trim();
    };
    machine.start = () => runServer("pg_ctl", "-D", data, "-w", "-t", "600", "-l", join(folder, "log"),
        "-o", `-c listen_addresses='' -c unix_socket_directories='${folder}'`, "start");
    machine.kill = () => { // the server and all that it started, none of them asked
        const pid = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0];
        const children = spawnSync("ps", ["-o", "pid=", "--ppid", pid], { encoding: "utf8" }).stdout.split(/\s+/).filter(Boolean);
        spawnSync("kill", ["-9", pid, ...children]);
    };
    t.after(() => {
        try {
            machine.kill();
        } catch {
            // it never started, or is gone
        }
        rmSync(folder, { recursive: true, force: true });
    });
    return machine;
}

// From here on a commit is acknowledged once it is on both disks.
async function follow(primary, standby) {
    rmSync(standby.data, { recursive: true, force: true });
    runServer("pg_basebackup", "-h", primary.folder, "-D", standby.data, "-R", "-X", "stream", "-c", "fast",
        "-d", "application_name=standby");
    standby.start();
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    primary.sql("SELECT pg_reload_conf()");
    await until(() => primary.sql("SELECT sync_state FROM pg_stat_replication") === "sync", "the standby does not follow");
}

test("the standby takes over, and the node finds it", { timeout: 1_800_000 }, async (t) => {
    let primary = makeMachine(t), standby = makeMachine(t);
    runServer("initdb", "-D", primary.data, "-U", "papilio", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync");
    primary.start();
    await follow(primary, standby);
    const where = `host=${[primary, standby].map(({ folder }) => encodeURIComponent(folder)).join(",")}&` +
        "target_session_attrs=read-write&";
    const schema = makeSchema(where), { folders, keyFile } = makeNodes(t), acknowledged = [], codes = new Set();
    const server = await startNode(t, schema, folders[0], keyFile);
    const person = await setUp(server), waits = [];

    for (let round = 0; round < rounds; round++) {
        const state = { codes };
        const posters = Array.from({ length: 8 }, (_, k) => post(person, `f${round}p${k}`, acknowledged, state));
        await nap(300 + Math.random() * 500);
        const from = performance.now();
        primary.kill();
        runServer("pg_ctl", "-D", standby.data, "-w", "-t", "600", "promote");
        await untilMore(acknowledged, codes);
        waits.push(Math.round(performance.now() - from));
        await nap(200);
        state.isOver = true;
        await Promise.all(posters);
        verify(schema, acknowledged);
        [primary, standby] = [standby, primary];
        if (round + 1 < rounds)
            await follow(primary, standby);
    }
    t.diagnostic(`${acknowledged.length} events; from the death to the first one taken: ${waits.join(", ")} ms; ` +
        `meanwhile: ${[...codes].sort().join(" ")}`);
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    const done = check(schema, folders[0], keyFile);
    assert.equal(done.code, 0, done.out + done.err);
});
