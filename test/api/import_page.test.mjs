// Imports the way the page does them: upload, preview, trial, run, refused rows, undo; what stops and goes on; rights.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, papilio, runSql, setUp, startServer, until } from "./papilio.mjs";
import { xlsxOf } from "./xlsx.mjs";

async function upload(person, bytes, name = "file.csv") {
    const reply = await fetch(`${person.url}/api/imports/upload?file_name=${encodeURIComponent(name)}`, {
        method: "POST", body: bytes,
        headers: { "Content-Type": "application/octet-stream", Cookie: person.cookie, "X-CSRF-Token": person.csrf },
    });
    return { status: reply.status, json: await reply.json() };
}

const settled = (person, id, over = ["done", "failed", "cancelled", "undone"]) => until(async () => {
    const { json } = await person.ask(`/api/imports/${id}`);
    return over.includes(json.status) && json;
}, "the import does not end");

async function good(person, path, body) {
    const { status, json } = await person.ask(path, body);
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
    return json;
}

async function open(t) {
    const folder = makeFolder(t);
    const server = await startServer(t, folder);
    return { folder, server, person: await setUp(server) };
}

const checked = (folder) => {
    const done = papilio(["check", "--data", folder]);
    assert.equal(done.code, 0, done.out + done.err);
};

test("a CSV and an XLSX of customers become the same: preview, trial, run, undo", async (t) => {
    const { folder, server, person } = await open(t);
    const rows = [["姓名", "手机号", "注册时间", "会员号"],
        ["王芳", "13800000001", { date: 46027 }, "M1"],
        ["李雷", "13800000002", { date: 46028 }, { formula: "1+1", value: "=M2" }],
        ["坏", "不是手机", { date: 46029 }, ""]];
    const { status, json: up } = await upload(person, xlsxOf(rows), "客户.xlsx");
    assert.equal(status, 200, JSON.stringify(up));
    assert.equal(up.kind, "customers");
    assert.equal(up.encoding, "XLSX");
    assert.deepEqual(up.columns.map((c) => c.name), rows[0]);
    assert.equal(up.columns[2].example, "2026-01-05");

    const preview = await good(person, `/api/imports/${up.import_id}/preview`, { kind: "customers" });
    assert.equal(preview.error_code, null);
    assert.equal(preview.mapping.columns.member_no, "会员号");
    assert.deepEqual(preview.rows.map((r) => r.code), [null, null, "row.customer"]);
    assert.equal(preview.rows[1].values.member_no, "=M2");
    assert.equal((await good(person, "/api/customers")).items.length, 0);

    await good(person, `/api/imports/${up.import_id}/start`, { kind: "customers", mapping: preview.mapping, is_dry: true });
    const tried = await settled(person, up.import_id);
    assert.deepEqual([tried.status, tried.is_dry, tried.accepted_count, tried.rejected_count, tried.total_count],
        ["done", true, 2, 1, 3]);
    assert.equal((await good(person, "/api/customers")).items.length, 0);
    assert.equal((await person.ask(`/api/imports/${up.import_id}/undo`, {})).json.error.code, "import.nothing");

    await good(person, `/api/imports/${up.import_id}/start`, { kind: "customers", mapping: preview.mapping });
    const run = await settled(person, up.import_id);
    assert.deepEqual([run.status, run.is_dry, run.accepted_count, run.made_customer_count], ["done", false, 2, 2]);
    assert.equal((await good(person, "/api/customers")).items.length, 2);
    assert.equal((await person.ask(`/api/imports/${up.import_id}/start`, { kind: "customers" })).json.error.code, "import.done");

    const csv = rows.map((r) => r.map((c) => c.date ? `2026-01-0${c.date - 46022}` : c.value ?? c).join(";")).join("\r\n");
    const again = (await upload(person, Buffer.from("\uFEFF" + csv), "again.csv")).json;
    assert.equal(again.separator, ";");
    const saved = await good(person, `/api/imports/${again.import_id}/preview`, { kind: "customers" });
    assert.equal(saved.is_saved, true);
    await good(person, `/api/imports/${again.import_id}/start`, { kind: "customers" });
    const same = await settled(person, again.import_id);
    assert.deepEqual([same.accepted_count, same.changed_count, same.rejected_count], [2, 0, 1]);

    const refused = await fetch(`${server.url}/api/imports/${up.import_id}/rejects`, {
        method: "POST", body: "{}", headers: { "Content-Type": "application/json", Cookie: person.cookie, "X-CSRF-Token": person.csrf },
    });
    assert.equal(refused.status, 200);
    assert.match(refused.headers.get("content-disposition"), /rejects\.csv/);
    assert.match(await refused.text(), /坏,不是手机,2026-01-07,,4,row\.customer,/);

    await good(person, `/api/imports/${up.import_id}/undo`, {});
    assert.equal((await settled(person, up.import_id, ["undone"])).made_customer_count, 0);
    assert.equal((await good(person, "/api/customers")).items.length, 0);
    assert.equal((await person.ask(`/api/imports/${up.import_id}/undo`, {})).json.error.code, "import.undone");
    await server.kill();
    checked(folder);
});

const orders = (count, from = 0) => ["order_no,product_code,quantity,unit_price,placed_at,customer",
    ...Array.from({ length: count }, (_, k) => k + 2 * from).map((i) =>
        `o${i >> 1},p${i % 50},${1 + i % 3},9.90,2026-01-0${1 + i % 9},c${(i >> 1) % 700}`)].join("\n");

test("orders are undone with their customers and sums; a file refused by its mapping says why", async (t) => {
    const { folder, server, person } = await open(t);
    const first = (await upload(person, orders(3000))).json, second = (await upload(person, orders(5000, 1000))).json;
    const wrong = await good(person, `/api/imports/${first.import_id}/preview`,
        { kind: "orders", mapping: { columns: { order_no: "nope" } } });
    assert.equal(wrong.error_code, "import.column_missing");
    assert.equal(wrong.columns.find((c) => c.name === "order_no").header, "order_no");
    for (const { import_id } of [first, second]) {
        await good(person, `/api/imports/${import_id}/start`, { kind: "orders" });
        assert.equal((await settled(person, import_id)).rejected_count, 0);
    }
    const before = await good(person, `/api/imports/${second.import_id}`);
    assert.equal(before.made_line_count, before.changed_count);
    await good(person, `/api/imports/${second.import_id}/undo`, {});
    await settled(person, second.import_id, ["undone"]);
    await good(person, `/api/imports/${first.import_id}/undo`, {});
    await settled(person, first.import_id, ["undone"]);
    await server.kill();
    checked(folder);
    const left = runSql(folder, "SELECT (SELECT count(*) FROM shop_order), (SELECT count(*) FROM customer " +
        "WHERE deleted_ms IS NULL), (SELECT sum(amount_fen) FROM journal), (SELECT count(*) FROM import_effect)");
    assert.equal(left, "0|0|0|0");
});

test("an import is stopped and goes on; a server killed in the middle goes on by itself", async (t) => {
    const { folder, server, person } = await open(t);
    const up = (await upload(person, orders(60_000))).json;
    await good(person, `/api/imports/${up.import_id}/start`, { kind: "orders" });
    await good(person, `/api/imports/${up.import_id}/cancel`, {});
    const stopped = await settled(person, up.import_id, ["cancelled"]);
    assert.ok(stopped.line_count < 60_000);
    assert.equal((await person.ask(`/api/imports/${up.import_id}/cancel`, {})).json.error.code, "import.over");
    if (stopped.line_count > 0)
        assert.equal((await person.ask(`/api/imports/${up.import_id}/start`, { kind: "orders", is_dry: true })).json.error.code,
            "import.begun");
    await good(person, `/api/imports/${up.import_id}/start`, { kind: "orders" });
    await new Promise((done) => setTimeout(done, 400));
    await server.kill("SIGKILL");
    const back = await startServer(t, folder);
    person.url = back.url;
    const run = await settled(person, up.import_id);
    assert.deepEqual([run.status, run.line_count, run.rejected_count], ["done", 60_000, 0]);
    await back.kill();
    checked(folder);
});

test("what cannot be asked: kinds, ids, events undone, no rights", async (t) => {
    const { server, person } = await open(t);
    const up = (await upload(person, "kind,occurred_at,anonymous_id\npage_viewed,2026-01-05,a1\n")).json;
    const path = `/api/imports/${up.import_id}`;
    assert.equal(up.kind, "events");
    assert.equal((await person.ask(`${path}/start`, { kind: "shoes" })).json.error.code, "import.kind");
    assert.equal((await person.ask(`${path}/preview`, { kind: "shoes" })).json.error.code, "import.kind");
    assert.equal((await person.ask("/api/imports/7/start", { kind: "events" })).json.error.code, "import.unknown");
    assert.equal((await person.ask("/api/imports/7/preview", { kind: "events" })).json.error.code, "import.unknown");
    assert.equal((await person.ask(`${path}/rejects`, {})).json.error.code, "import.no_rejects");
    await good(person, `${path}/start`, { kind: "events" });
    assert.equal((await settled(person, up.import_id)).accepted_count, 1);
    assert.equal((await person.ask(`${path}/undo`, {})).json.error.code, "import.undo_kind");
    const twice = (await upload(person, "kind,occurred_at,anonymous_id\npage_viewed,2026-01-05,a1\n")).json;
    assert.equal(twice.same_import_id, up.import_id);
    await good(person, `/api/imports/${twice.import_id}/start`, { kind: "events" });
    assert.equal((await settled(person, twice.import_id)).error_code, "import.repeated");
    const nobody = { url: server.url, cookie: "", csrf: "" };
    assert.equal((await upload(nobody, "a,b\n1,2\n")).status, 401);
    for (const kind of ["customers", "orders", "events", "costs"]) {
        const reply = await fetch(`${server.url}/api/imports/template?kind=${kind}&lang=zh`, { headers: { Cookie: person.cookie } });
        assert.equal(reply.status, 200);
        const guess = (await upload(person, Buffer.from(await reply.arrayBuffer()), "template.csv")).json;
        assert.equal(guess.kind, kind);
    }
});

test("the folder of uploads holds what was taken, and nothing that was refused", async (t) => {
    const { folder, person } = await open(t);
    assert.equal((await upload(person, Buffer.from("PK\x03\x04no", "latin1"))).json.error.code, "sheet.broken");
    assert.equal((await upload(person, "")).json.error.code, "import.header");
    const up = (await upload(person, "手机号\n13800000001\n", "../../etc/passwd")).json;
    assert.equal(up.file_name, "../../etc/passwd");
    assert.deepEqual(readdirSync(join(folder, "uploads")), [up.import_id]);
    assert.ok(existsSync(join(folder, "uploads", up.import_id)));
});
