// Runs every stage of the tests, whatever the stages before it said, and closes with one line: N passed, N failed.
// A stage that crashes, times out or reports nothing has failed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { countProgram, readJunit, readNodeSummary, tellingLines } from "./tap.mjs";

const only = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = []; // said once more at the end, short: a long output is read from there

// minutes: many times what it takes; so many mean that it hangs.
function run(command, args, minutes, env = {}) {
    const done = spawnSync(command, args, {
        encoding: "utf8", timeout: minutes * 60_000, killSignal: "SIGKILL", maxBuffer: 1 << 30,
        env: { ...process.env, ...env },
    });
    const output = (done.stdout ?? "") + (done.stderr ?? "") + (done.error ? `\n${done.error.message}\n` : "");
    return { isOk: done.status === 0, output };
}

function report(stage, sum, output = "") {
    for (const word of Object.keys(total))
        total[word] += sum[word];
    const skipped = sum.skipped ? `, ${sum.skipped} skipped` : "";
    console.log(`${sum.failed ? "FAIL" : "ok  "} ${stage}: ${sum.passed} passed, ${sum.failed} failed${skipped}`);
    if (sum.failed) {
        for (const name of sum.names ?? [])
            console.log(`     ${name}`);
        console.log(output.replace(/^/gm, "     | "));
        failures.push(`${stage}: ${(sum.names ?? []).join("; ")}`, ...tellingLines(output).map((line) => `     | ${line}`));
    }
}

function findFiles(folder, ending, except = []) {
    if (!existsSync(folder))
        return [];
    return readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.name !== "node_modules" && !except.includes(entry.name))
        .flatMap((entry) => entry.isDirectory() ? findFiles(join(folder, entry.name), ending, except) : [join(folder, entry.name)])
        .filter((file) => file.endsWith(ending)).sort();
}

const findTests = (folder, except) => findFiles(folder, ".test.mjs", except);

function testPrograms(stage = "", before = [], more = [], env = {}) {
    const junit = resolve("build/asan/junit.xml");
    rmSync(junit, { force: true });
    const [program, ...args] = [...before, "ctest", "--test-dir", "build/asan", "-j2", "--output-junit", junit,
        "--test-output-size-passed", "100000000", "--test-output-size-failed", "100000000", ...more];
    const done = run(program, args, 90, env);
    const tests = existsSync(junit) ? readJunit(readFileSync(junit, "utf8")) : [];
    if (!tests.length)
        report(`${stage}C`, { passed: 0, failed: 1, skipped: 0, names: ["ctest ran nothing"] }, done.output);
    for (const test of tests)
        report(stage + test.name, countProgram(test), test.output);
    if (tests.length && !done.isOk && tests.every((test) => test.isOk))
        report("ctest", { passed: 0, failed: 1, skipped: 0 }, done.output);
}

function testNode(stage, files, minutes, env, before = []) {
    if (!files.length)
        return;
    const [program, ...args] = [...before, process.execPath, "--test", "--test-concurrency=1", "--test-reporter=tap", ...files];
    const done = run(program, args, minutes, env);
    const sum = readNodeSummary(done.output);
    if (!done.isOk && !sum.failed)
        sum.failed = 1;
    report(stage, sum, failedBlocks(done.output));
}

// Of node's TAP what is not "ok": the failed tests with what they say, and what was printed besides.
function failedBlocks(output) {
    return output.replace(/^( *)ok \d+ - .*\n(?:\1 {2}---\n(?:\1 {2}.*\n)*?\1 {2}\.\.\.\n)?/gm, "").replace(/^ *# Subtest: .*\n/gm, "");
}

function testPostgres() {
    if (!existsSync("tools/sqlgen.c"))
        return;
    for (const folder of ["gen", "sqlgen_sample/gen"]) {
        const script = `build/asan/${folder}/postgres.sql`;
        const done = run("scripts/postgres.sh", ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", script], 30);
        const prepared = [...done.output.matchAll(/^PREPARE$/gm)].length;
        report(`postgres: schema and queries of ${folder}`,
            { passed: done.isOk ? prepared + 1 : prepared, failed: done.isOk ? 0 : 1, skipped: 0 }, done.output);
    }
}

// The programs that open a base, each on schemas of its own; but those about SQLite itself.
function onPostgres() {
    const hasBase = (file) => /"(base_sql|scenario)\.h"/.test(readFileSync(file, "utf8"));
    return [...findFiles("src", "_test.c"), ...findFiles("test", "_test.c")].filter(hasBase)
        .map((file) => file.replace(/^src\/|^test\/(c\/)?|\.c$/g, ""))
        .filter((name) => name !== "upgrade_test");
}

// Likewise the API tests, a schema a folder. Those that take minutes come with the stage api-postgres, which soak runs.
const sqliteFiles = ["backup", "dist", "read_only", "start"], long = ["demo", "giveaway_race", "import_hostile", "kill_giveaway",
    "kill_import", "kill_job", "online_retail"];
const apiOnPostgres = (except) => findTests("test/api", except.map((name) => `${name}.test.mjs`));

function testOnPostgres() {
    testPostgres();
    testPrograms("postgres: ", ["scripts/postgres.sh"], ["-R", `^(${onPostgres().join("|")})$`], { PAPILIO_TEST_DB: "postgres://" });
    testNodeOnPostgres("postgres: api", apiOnPostgres([...sqliteFiles, ...long]), 90, "asan");
    testNodeOnPostgres("postgres: nodes, crash", findTests("test/postgres"), 90, "asan");
}

function testNodeOnPostgres(stage, files, minutes, preset) {
    testNode(stage, files, minutes, { PAPILIO_TEST_DB: "postgres://", ...bin(preset) }, ["scripts/postgres.sh"]);
}

const bin = (preset) => ({ PAPILIO_BIN: resolve(`build/${preset}/papilio`) });
const stages = {
    c: () => testPrograms(),
    runner: () => testNode("runner", findTests("scripts"), 10, {}),
    api: () => testNode("api", findTests("test", ["e2e", "postgres"]), 120, bin("asan")),
    e2e: () => testNode("e2e", findTests("test/e2e"), 90, bin("release")),
    postgres: testOnPostgres,
};
// Only where named: soak does.
const longStages = {
    "api-postgres": () => testNodeOnPostgres("api-postgres", apiOnPostgres(sqliteFiles), 240, "asan"),
    "e2e-postgres": () => testNodeOnPostgres("e2e-postgres", findTests("test/e2e"), 180, "release"),
};
for (const [name, stage] of Object.entries({ ...stages, ...longStages })) {
    if (only.includes(name) || (only.length === 0 && name in stages))
        stage();
}
const skipped = total.skipped ? `, ${total.skipped} skipped` : "";
if (total.passed + total.failed === 0)
    total.failed = 1;
if (failures.length)
    console.log(`What failed:\n${failures.join("\n")}`);
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed ? 1 : 0;
