// A folder that may only be read: every command says so and ends; nothing in it changes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, program, setUp, startServer } from "./papilio.mjs";

const nobody = 65534; // root may write everywhere

test("a folder that may only be read is refused with words", { skip: process.getuid() !== 0 && "needs root" }, async (t) => {
    const folder = makeFolder(t);
    const server = await startServer(t, folder);
    await setUp(server);
    await server.kill();
    const files = readdirSync(folder).filter((name) => name !== "papilio.sock").map((name) => join(folder, name));
    for (const path of [...files, folder]) {
        chownSync(path, nobody, nobody);
        chmodSync(path, path === folder ? 0o555 : 0o444);
    }
    const before = readFileSync(join(folder, "papilio.db"));
    for (const args of [["serve", "--data", folder, "--listen", "127.0.0.1:0"], ["check", "--data", folder]]) {
        const done = spawnSync(program, args, { encoding: "utf8", uid: nobody, gid: nobody, timeout: 30_000 });
        assert.equal(done.signal, null, done.stderr);
        assert.equal(done.status, 1, done.stderr);
        assert.match(done.stderr, /^papilio: .+/m);
        assert.doesNotMatch(done.stderr, /Sanitizer|must/);
    }
    assert.deepEqual(readFileSync(join(folder, "papilio.db")), before);
    chmodSync(folder, 0o755);
});
