// A PostgreSQL of the tests' own (scripts/postgres.sh names it by PGHOST), and nodes on schemas in it.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, papilio, startServer } from "../api/papilio.mjs";

let count = 0;

// A schema of its own: where it is, and SQL on it. where: another database than the one all tests have.
export function makeSchema(where = "") {
    const name = `n_${process.pid}_${++count}`;
    const url = `postgres://?${where}options=-csearch_path%3D${name}`;
    const sql = (text) => {
        const done = spawnSync("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", text], { encoding: "utf8" });
        if (done.status !== 0)
            throw new Error(done.stderr);
        return done.stdout.trim();
    };
    return { name, url, sql };
}

// A node of the schema, with a folder of its own; the key file is the same on all.
export async function startNode(t, schema, folder, keyFile) {
    return startServer(t, folder, ["--db", schema.url, "--key-file", keyFile]);
}

export function makeNodes(t) {
    const folders = [makeFolder(t), makeFolder(t)];
    return { folders, keyFile: join(folders[0], "papilio.key") };
}

export function check(schema, folder, keyFile) {
    return papilio(["check", "--data", folder, "--db", schema.url, "--key-file", keyFile]);
}

// PostgreSQL refuses root, who then acts as the user postgres.
const asServer = process.getuid() === 0 ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : [];

// A program of PostgreSQL's own, to its end.
export function runServer(name, ...args) {
    const version = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(a) - Number(b)).at(-1);
    const [program, ...rest] = [...asServer, `/usr/lib/postgresql/${version}/bin/${name}`, ...args];
    const done = spawnSync(program, rest, { encoding: "utf8", cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    if (done.status !== 0)
        throw new Error(`${name}: ${done.stderr}`);
}

// The whole database stops at once, as a machine does, and comes back.
export function restartDatabase() {
    const data = join(process.env.PGHOST, "data");
    runServer("pg_ctl", "-D", data, "-m", "immediate", "-w", "-t", "600", "-l", join(process.env.PGHOST, "data/log"), "restart");
}
