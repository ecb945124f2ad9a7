// kill -9 in the middle of imports: the same command again goes on behind the last page that was committed, and what
// stands in the base at the end is what an undisturbed import leaves. KILL_ROUNDS: 10 here, 50 in soak.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isShared, makeFolder, nap, papilio, program, runSql, sqlRows, withDb } from "./papilio.mjs";

const rounds = Number(process.env.KILL_ROUNDS ?? 10);
const rows = 60_000;

// Orders whose rows lie far apart, several of them without a customer, refused rows in between.
function makeOrders() {
    let seed = 7;
    const dice = (sides) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff, (seed >> 8) % sides);
    const lines = ["order_no,product_code,product_name,quantity,unit_price,placed_at,customer,country"];
    for (let i = 0; i < rows; i++) {
        const order = Math.floor(i / 9) + (dice(5) === 0 ? dice(2000) : 0);
        const quantity = dice(200) === 0 ? "many" : dice(12) - 1;
        lines.push([`o${order}`, `p${dice(900)}`, dice(9) ? `name ${dice(3)}` : "", quantity, `${dice(90)}.${dice(1000)}`,
            `2025-${1 + dice(12)}-${1 + dice(28)} ${dice(24)}:30`, order % 7 ? `c${order % 997}` : "", "CN"].join(","));
    }
    return lines.join("\n");
}

// Everything that matters of a base: no ids, no times of writing.
const dump = `
    SELECT 'order', source, order_no, o.kind, status, i.customer, placed_ms, is_counted, o.paid_fen, net_fen,
           line_count, sale_line_count
      FROM shop_order o LEFT JOIN (SELECT id, customer_number AS customer FROM customer) i ON i.id = o.customer_id ORDER BY 2, 3;
    SELECT 'line', o.order_no, line_seq, p.code, p.name, quantity_count, unit_price_micro, amount_fen, l.placed_ms, product_name
      FROM order_line l JOIN shop_order o ON o.id = l.order_id JOIN product p ON p.id = l.product_id ORDER BY 2, 3;
    SELECT 'customer', customer_number, region, touched_ms, action_day, order_count, paid_fen, refunded_fen,
           first_order_ms, second_order_ms, last_order_ms FROM customer ORDER BY 2;
    SELECT 'journal', j.kind, occurred_ms, c.customer_number, o.order_no, amount_fen, properties
      FROM journal j LEFT JOIN customer c ON c.id = j.customer_id LEFT JOIN shop_order o ON o.id = j.subject_id ORDER BY j.id;
    SELECT 'reject', line_seq, code, reason FROM import_reject ORDER BY line_seq;
    SELECT 'run', kind, status, line_count, accepted_count, rejected_count, changed_count FROM import_run;`;

const stateOf = (folder) => runSql(folder, dump);

// Records committed, and whether the run came to its end all the same. Killed early it has left no base, or one without tables.
function runOf(folder) {
    try {
        const [[count, status] = []] = isShared || existsSync(join(folder, "papilio.db"))
            ? sqlRows(folder, "SELECT line_count, status FROM import_run") : [];
        return { count: Number(count ?? 0), isDone: status === "done" };
    } catch (error) {
        assert.match(error.message, /no such table|does not exist/);
        return { count: 0, isDone: false };
    }
}

const importArgs = (folder, file) => withDb(folder, ["import", "orders", file, "--data", folder, "--source", "kill",
    "--rejects", join(folder, "rejects.csv")]);

// Kills the command after some time, or a little behind the next page it commits; false: it had ended before.
async function killed(folder, file, { ms, isBehindPage }) {
    const { count } = runOf(folder), child = spawn(program, importArgs(folder, file), { stdio: "ignore" });
    const gone = new Promise((done) => child.once("exit", (code, signal) => done(signal)));
    while (isBehindPage && child.exitCode === null && runOf(folder).count <= count)
        await nap(10);
    await Promise.race([nap(ms), gone]);
    child.kill("SIGKILL");
    return await gone === "SIGKILL";
}

test(`an import survives kill -9, ${rounds} rounds`, { timeout: 1_800_000 }, async (t) => {
    const files = makeFolder(t), calm = makeFolder(t);
    const file = join(files, "orders.csv");
    writeFileSync(file, makeOrders());
    const started = Date.now();
    const first = papilio(importArgs(calm, file));
    assert.equal(first.code, 0, first.err);
    const calmMs = Date.now() - started;
    const summary = JSON.parse(first.out);
    assert.equal(summary.read, rows);
    assert.ok(summary.rejected > 100);
    const wanted = stateOf(calm);
    let kills = 0, inside = 0, folder = makeFolder(t);

    while (kills < rounds) {
        const isKilled = await killed(folder, file, kills % 2 === 0 ? { ms: Math.random() * 50, isBehindPage: true }
            : { ms: calmMs * (0.1 + Math.random() * 0.8) });
        const { count, isDone } = runOf(folder);
        kills += isKilled;
        inside += isKilled && count > 0 && count < rows;
        if (!isDone)
            continue;
        assert.equal(stateOf(folder), wanted); // it had ended: once more from the start
        folder = makeFolder(t);
    }
    const last = papilio(importArgs(folder, file));
    assert.equal(last.code, 0, last.err);
    const end = JSON.parse(last.out);
    assert.equal(end.read, rows);
    assert.equal(stateOf(folder), wanted);
    t.diagnostic(`${inside} of ${kills} kills fell between the first and the last page`);
    assert.ok(inside >= kills / 3, `only ${inside} of ${kills} kills fell inside`);

    const again = JSON.parse(papilio(importArgs(folder, file)).out);
    assert.equal(again.changed, 0);
    assert.equal(again.accepted, summary.accepted);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
