// Runs every stage of the tests, whatever the stages before it said, and closes with one line: N passed, N failed.
// A stage that crashes, times out or reports nothing has failed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { countProgram, readJunit, readNodeSummary } from "./tap.mjs";

const only = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

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
    }
}

function findTests(folder, except = []) {
    if (!existsSync(folder))
        return [];
    return readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.name !== "node_modules" && !except.includes(entry.name))
        .flatMap((entry) => entry.isDirectory() ? findTests(join(folder, entry.name), except) : [join(folder, entry.name)])
        .filter((file) => file.endsWith(".test.mjs")).sort();
}

function testPrograms(stage = "", before = [], more = [], env = {}) {
    const junit = resolve("build/asan/junit.xml");
    rmSync(junit, { force: true });
    const [program, ...args] = [...before, "ctest", "--test-dir", "build/asan", "-j2", "--output-junit", junit,
        "--test-output-size-passed", "100000000", "--test-output-size-failed", "100000000", ...more];
    const done = run(program, args, 20, env);
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
        const done = run("scripts/postgres.sh", ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", script], 5);
        const prepared = [...done.output.matchAll(/^PREPARE$/gm)].length;
        report(`postgres: schema and queries of ${folder}`,
            { passed: done.isOk ? prepared + 1 : prepared, failed: done.isOk ? 0 : 1, skipped: 0 }, done.output);
    }
}

// The programs and API tests that go through an app and touch state, each on a schema of its own. The others look into the
// base in SQLite's own words, or need no base.
const onPostgres = ["kit/kit", "kit/serve", "kit/job", "kit/timer_route", "kit/counter", "kit/inbox", "kit/outbox", "kit/saga",
    "play/campaign", "bulk", "routes", "insight/overview", "manage/account/account", "manage/channel/channel",
    "manage/customer/attribute", "manage/customer/customer", "manage/customer/life_stage", "manage/customer/mask",
    "manage/customer/reveal", "manage/customer/tag", "manage/customer/timeline", "manage/event/ingest", "manage/privacy/consent", "manage/privacy/retention",
    "manage/setting/setting", "manage/staff/api_key", "manage/staff/audit", "manage/staff/staff", "manage/staff/staff_admin",
    "manage/staff/totp", "host/pg", "play/campaign", "play/reward", "giveaway", "gift"];
const apiOnPostgres = ["access", "live", "repeat", "tag_race"].map((name) => `test/api/${name}.test.mjs`);

function testOnPostgres() {
    const env = { PAPILIO_TEST_DB: "postgres://", ...bin("asan") }, before = ["scripts/postgres.sh"];
    testPostgres();
    testPrograms("postgres: ", before, ["-R", `^(${onPostgres.join("|")})_test$`], env);
    testNode("postgres: api", apiOnPostgres, 10, env, before);
    testNode("postgres: nodes, crash", findTests("test/postgres"), 10, env, before);
}

const bin = (preset) => ({ PAPILIO_BIN: resolve(`build/${preset}/papilio`) });
const stages = {
    c: () => testPrograms(),
    runner: () => testNode("runner", findTests("scripts"), 1, {}),
    api: () => testNode("api", findTests("test", ["e2e", "postgres"]), 15, bin("asan")),
    e2e: () => testNode("e2e", findTests("test/e2e"), 15, bin("release")),
    postgres: testOnPostgres,
};
for (const [name, stage] of Object.entries(stages)) {
    if (only.length === 0 || only.includes(name))
        stage();
}
const skipped = total.skipped ? `, ${total.skipped} skipped` : "";
if (total.passed + total.failed === 0)
    total.failed = 1;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed ? 1 : 0;
