// A thousand malformed and hostile files against upload and import: each gets a clear error with a stable code, or a
// report of refused rows with the good ones kept; the server lives, and its memory stays bounded. HOSTILE_SEED: another draw.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { makeFolder, papilio, setUp, startServer } from "./papilio.mjs";
import { relations, sheetOf, workbook, xlsxOf, zipOf } from "./xlsx.mjs";

const files = 1000, memory_max = 512 << 20;
// The sanitizer keeps 256 MiB of what was freed, to find its late use; the bound is for the server.
process.env.ASAN_OPTIONS = `${process.env.ASAN_OPTIONS ?? ""}:quarantine_size_mb=16`;
let seed = Number(process.env.HOSTILE_SEED ?? 20261122);
const dice = (sides) => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff, (seed >> 8) % sides);
const pick = (list) => list[dice(list.length)];
let serial = 0;
const phone = () => String(13900000000 + serial++);

const text = (...lines) => lines.flat().join(pick(["\n", "\r\n"])) + "\n";
const good = (count) => Array.from({ length: count }, () => `王芳,${phone()},浙江`);
const head = "姓名,手机号,地区";
const parts = (sheet, more = []) => zipOf([["xl/workbook.xml", workbook], ["xl/_rels/workbook.xml.rels", relations],
    ["xl/worksheets/sheet1.xml", sheet], ...more]);
const spaces = (mega) => Buffer.alloc(mega << 20, 32);
const mutate = (bytes) => {
    const copy = Buffer.from(bytes);
    for (let i = 0; i < 1 + dice(8); i++)
        copy[dice(copy.length)] = dice(256);
    return copy;
};
const sheetRows = (count) => [["姓名", "手机号", "地区"], ...Array.from({ length: count }, () => ["李雷", phone(), "北京"])];
// GB18030 of the header and names, as bytes: 姓名 手机号 王芳.
const gbHead = Buffer.from("d0d5c3fb2ccad6bbfabac50a", "hex"), gbName = Buffer.from("cdf5b7bc", "hex");

// name, file, what is expected: {codes} one of these refusals of the whole, {accepted, rejected} counts, or {any}: no
// crash, and a stable code if refused.
const kinds = [
    ["good CSV", () => [text(head, good(3)), { accepted: 3, rejected: 0 }]],
    ["good sheet", () => [xlsxOf(sheetRows(3)), { accepted: 3, rejected: 0 }]],
    ["empty", () => ["", { codes: ["import.header"] }]],
    ["blank lines", () => ["\n".repeat(1 + dice(50)), { codes: ["import.header"] }]],
    ["mark only", () => [Buffer.from([0xef, 0xbb, 0xbf]), { codes: ["import.header"] }]],
    ["header alone", () => [text(head), { accepted: 0, rejected: 0 }]],
    ["no header", () => [text(good(3)), { codes: ["import.column_needed"] }]],
    ["no column known", () => [text("a,b,c", "1,2,3"), { codes: ["import.column_needed"] }]],
    ["headers twice", () => [text("手机号,手机号,姓名", `${phone()},1,x`),
        { codes: ["import.column_ambiguous", "import.column_twice"] }]],
    ["10,000 columns", () => [text(Array.from({ length: 10_000 }, (_, i) => `c${i}`).join(",")), { codes: ["import.columns"] }]],
    ["too many cells", () => [text(head, good(2), "a,b,c,d,e", good(1)), { accepted: 3, rejected: 1 }]],
    ["too few cells", () => [text(head, good(1), "x", good(1)), { accepted: 2, rejected: 1 }]],
    ["a quote never closed", () => [text(head, good(2), `"王,${phone()},x`, good(3)), { accepted: 5, rejected: 1 }]],
    ["a quote in the middle", () => [text(head, `a"b"c,${phone()},x`, `"a"b,${phone()},x`, good(1)), { any: true, atLeast: 1 }]],
    ["NUL bytes", () => [text(head, `王\0芳,${phone()},x`, good(2)), { accepted: 2, rejected: 1 }]],
    ["NUL everywhere", () => [Buffer.alloc(1 + dice(5000)), { any: true }]],
    ["UTF-16 little", () => [Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text(head, good(2)), "utf16le")]),
        { codes: ["import.encoding"] }]],
    ["UTF-16 big", () => [Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text(head, good(2)), "utf16le").swap16()]),
        { codes: ["import.encoding"] }]],
    ["UTF-16 without a mark", () => [Buffer.from(text("name,phone", "a,13900000000"), "utf16le"), { any: true }]],
    ["Latin-1", () => [Buffer.from(text("name,phone", `Jos\xe9,${phone()}`, `Ana,${phone()}`), "latin1"), { any: true, atLeast: 1 }]],
    ["GB18030", () => [Buffer.concat([gbHead, gbName, Buffer.from(`,${phone()}\n`)]), { accepted: 1, rejected: 0 }]],
    ["GB18030 cut", () => [Buffer.concat([gbHead, gbName, Buffer.from(`,${phone()}\n`), gbName.subarray(0, 3),
        Buffer.from([0xff, 0x2c]), Buffer.from(`${phone()}\n`), gbName, Buffer.from(`,${phone()}\n`)]), { any: true, atLeast: 1 }]],
    ["bad UTF-8 in a row", () => [Buffer.concat([Buffer.from(text(head, good(30))), Buffer.from([0x61, 0xc3, 0x28]),
        Buffer.from(`,${phone()},x\n`)]), { accepted: 30, rejected: 1 }]],
    ["mixed line ends", () => [`${head}\r\n王,${phone()},a\n李,${phone()},b\r\n\r\n赵,${phone()},c`, { accepted: 3, rejected: 0 }]],
    ["marks in the middle", () => [text(`\uFEFF${head}`, good(1), `\uFEFF王,${phone()},x`), { accepted: 2, rejected: 0 }]],
    ["dates that are none", () => [text("姓名,手机号,注册时间", `a,${phone()},0000-00-00`, `b,${phone()},2026-02-30`,
        `c,${phone()},99999-01-01`, `d,${phone()},9999-12-31`, `e,${phone()},2025-01-01`), { accepted: 1, rejected: 4 }]],
    ["numbers out of range", () => ["orders", text("order_no,product_code,quantity,unit_price,placed_at",
        `h${phone()},A,99999999999999999999,1,2025-01-01`, `h${phone()},A,1,1e400,2025-01-01`, `h${phone()},A,NaN,1,2025-01-01`,
        `h${phone()},A,1,-0x10,2025-01-01`, `h${phone()},A,1,5,2025-01-01`), { accepted: 1, rejected: 4 }]],
    ["amounts that overflow", () => ["orders", text("order_no,product_code,quantity,unit_price,placed_at",
        `h${phone()},A,1000000000,999999999,2025-01-01`, `h${phone()},A,-9223372036854775808,1,2025-01-01`), { accepted: 0, rejected: 2 }]],
    ["formulas", () => [text(head, `=cmd|' /C calc'!A0,${phone()},@SUM(1)`, `+1,${phone()},-2`), { accepted: 2, rejected: 0 }]],
    ["formulas refused", () => [text(head, `=HYPERLINK("http://x"),=1+1,x`, good(1)), { any: true, atLeast: 1 }]],
    ["not a phone", () => [text(head, "a,<script>,x", "b,';DROP TABLE customer;--,x", good(1)), { accepted: 1, rejected: 2 }]],
    ["a cell too long", () => [text(head, `${"长".repeat(3000)},${phone()},x`, good(1)), { accepted: 1, rejected: 1 }]],
    ["events of no kind", () => ["events", text("kind,occurred_at,anonymous_id", `no_such,2025-01-01,a${phone()}`,
        `page_viewed,2025-01-01,a${phone()}`), { accepted: 1, rejected: 1 }]],
    ["costs of no channel", () => ["costs", text("channel,date,amount", "nowhere,2025-01-01,5", "nowhere,x,y"), { accepted: 0, rejected: 2 }]],
    ["a spreadsheet called CSV", () => [xlsxOf(sheetRows(2)), { accepted: 2, rejected: 0 }, "data.csv"]],
    ["a CSV called spreadsheet", () => [text(head, good(2)), { accepted: 2, rejected: 0 }, "data.xlsx"]],
    ["an old spreadsheet", () => [Buffer.from("d0cf11e0a1b11ae100000000", "hex"), { codes: ["import.format"] }, "old.xls"]],
    ["a PDF", () => [Buffer.from("%PDF-1.7\n%abc\n"), { codes: ["import.format"] }]],
    ["gzip", () => [Buffer.from("1f8b0800000000000003", "hex"), { codes: ["import.format"] }]],
    ["random bytes", () => [Buffer.from(Array.from({ length: 1 + dice(4000) }, () => dice(256))), { any: true }]],
    ["a mutated CSV", () => [mutate(Buffer.from(text(head, good(20)))), { any: true }]],
    ["a zip cut off", () => { const whole = xlsxOf(sheetRows(20));
        return [whole.subarray(0, 4 + dice(whole.length - 4)), { codes: ["sheet.broken"] }]; }],
    ["a mutated zip", () => [mutate(xlsxOf(sheetRows(20))), { any: true }]],
    ["no spreadsheet in it", () => [zipOf([["word/document.xml", "<a/>"]]), { codes: ["sheet.missing"] }]],
    ["no sheet in it", () => [zipOf([["xl/workbook.xml", workbook], ["xl/_rels/workbook.xml.rels", relations]]),
        { codes: ["sheet.missing"] }]],
    ["names that climb", () => [xlsxOf(sheetRows(2), [["../../../../tmp/papilio-evil", "x"], ["/etc/passwd", "x"],
        ["..\\..\\evil", "x"]]), { accepted: 2, rejected: 0 }]],
    ["a sheet that climbs", () => [zipOf([["xl/workbook.xml", workbook], ["xl/_rels/workbook.xml.rels",
        '<Relationships><Relationship Id="r1" Target="../../../etc/passwd"/></Relationships>']]), { codes: ["sheet.missing"] }]],
    ["a DOCTYPE", () => [parts(`<!DOCTYPE x [<!ENTITY a "b">]>${sheetOf(sheetRows(1))}`), { codes: ["sheet.doctype"] }]],
    ["a billion laughs", () => [parts(sheetOf(sheetRows(1)), [["xl/sharedStrings.xml", '<!DOCTYPE l [<!ENTITY a "lol">' +
        Array.from("bcdefghij", (c, i) => `<!ENTITY ${c} "${`&${"abcdefghij"[i]};`.repeat(10)}">`).join("") +
        "]><sst><si><t>&j;</t></si></sst>"]]), { codes: ["sheet.doctype"] }]],
    ["an outside entity", () => [parts('<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet/>'), { codes: ["sheet.doctype"] }]],
    ["broken XML", () => [parts("<worksheet><sheetData><row><c><v>手机号</v></c></row"), { any: true }]],
    ["rows that end broken", () => [parts(sheetOf(sheetRows(5)).replace("</sheetData></worksheet>", "<row><c>")),
        { any: true }]],
    ["cells that hold errors", () => [parts(sheetOf(sheetRows(2)).replace("</sheetData>",
        `<row><c t="e"><v>#REF!</v></c><c><v>${phone()}</v></c></row></sheetData>`)), { accepted: 2, rejected: 1 }]],
    ["shared texts out of range", () => [parts(sheetOf(sheetRows(2)).replace("</sheetData>",
        '<row><c t="s"><v>4000000000</v></c></row><row><c t="s"><v>-1</v></c></row></sheetData>')), { accepted: 2, rejected: 2 }]],
    ["columns far out", () => [parts(sheetOf(sheetRows(2)).replace("</sheetData>",
        '<row><c r="ZZZZZZZZZZ9"><v>1</v></c></row></sheetData>')), { accepted: 2, rejected: 1 }]],
    ["rows far out", () => [parts(sheetOf(sheetRows(2)).replace("</sheetData>",
        '<row r="99999999999"><c><v>1</v></c></row></sheetData>')), { any: true, failed: "sheet.broken" }]],
    ["a locked zip", () => [zipOf([["xl/workbook.xml", workbook, { flags: 1 }]]), { codes: ["sheet.locked", "sheet.broken"] }]],
    ["lying sizes", () => [zipOf([["xl/workbook.xml", workbook], ["xl/_rels/workbook.xml.rels", relations],
        ["xl/worksheets/sheet1.xml", sheetOf(sheetRows(3)), pick([{ size: 1 }, { size: 0xfffffff0 }, { packed: 3 }, { crc: 1 }])]]),
        { any: true }]],
    ["an unknown packing", () => [zipOf([["xl/workbook.xml", workbook, { method: 99 }]]), { codes: ["sheet.broken"] }]],
    ["a zip in a zip", () => [zipOf([["xl/workbook.xml", xlsxOf(sheetRows(1))]]), { codes: ["sheet.broken"] }]],
];
// Few of these, for they are large.
const large = [
    ["a bomb of blanks", () => [parts(Buffer.concat([Buffer.from("<worksheet>"), spaces(96), Buffer.from("</worksheet>")])),
        { codes: ["sheet.bomb"] }]],
    ["a bomb of texts", () => [parts(sheetOf(sheetRows(1)), [["xl/sharedStrings.xml",
        Buffer.concat([Buffer.from("<sst><si><t>"), spaces(80), Buffer.from("</t></si></sst>")])]]), { codes: ["sheet.bomb"] }]],
    ["many parts", () => [zipOf([["xl/workbook.xml", workbook], ...Array.from({ length: 10_100 }, (_, i) => [`p${i}`, ""])]),
        { codes: ["sheet.bomb"] }]],
    ["an endless tag", () => [parts(Buffer.concat([Buffer.from('<worksheet><row a="'), spaces(8), Buffer.from('"/></worksheet>')])),
        { codes: ["sheet.broken", "import.header"] }]],
    ["a line beyond 1 MiB", () => [text(head, good(1), `${"x".repeat(2 << 20)},${phone()},y`, good(2)), { accepted: 3, rejected: 1 }]],
    ["one line of 5 MiB", () => ["a,".repeat(5 << 19), { codes: ["import.columns", "import.header"] }]],
    ["a quote open over 3 MiB", () => [text(head, good(1), `"${"y\n".repeat(3 << 19)}`), { any: true, atLeast: 1 }]],
    ["a cell of 200,000", () => [xlsxOf([...sheetRows(2), ["长".repeat(200_000), phone(), "x"]]), { accepted: 2, rejected: 1 }]],
];

const stable = /^(import|sheet)\.[a-z_]+$/, rowStable = /^(row|event)\.[a-z_]+$/;

async function upload(person, bytes, name) {
    const reply = await fetch(`${person.url}/api/imports/upload?file_name=${encodeURIComponent(name)}`, {
        method: "POST", body: bytes, headers: { Cookie: person.cookie, "X-CSRF-Token": person.csrf },
    });
    return { status: reply.status, json: await reply.json() };
}

async function settled(person, id) {
    let json;
    for (let i = 0; i < 15_000; i++) {
        ({ json } = await person.ask(`/api/imports/${id}`));
        if (["done", "failed"].includes(json.status))
            return json;
        await new Promise((done) => setTimeout(done, i < 20 ? 2 : 20));
    }
    throw new Error(`an import does not end: ${JSON.stringify(json)}`);
}

// The whole way of one file; returns what it was refused with, or the run.
async function run(person, bytes, kind, name) {
    const up = await upload(person, bytes, name);
    if (up.status !== 200)
        return { status: up.status, code: up.json.error.code };
    const path = `/api/imports/${up.json.import_id}`;
    const preview = await person.ask(`${path}/preview`, { kind });
    assert.ok(preview.status < 500, JSON.stringify(preview.json));
    for (const row of preview.json.rows ?? [])
        assert.ok(row.code === null || rowStable.test(row.code) || row.code.includes("."), row.code);
    const started = await person.ask(`${path}/start`, { kind });
    assert.equal(started.status, 200, JSON.stringify(started.json));
    const over = await settled(person, up.json.import_id);
    return { status: 200, code: over.error_code, over };
}

function judge(what, { status, code, over }, expected) {
    const said = `${what}: ${status} ${code} ${over?.accepted_count}/${over?.rejected_count}`;
    assert.ok(status < 500, said);
    if (code)
        assert.match(code, stable, said);
    if (expected.codes)
        assert.ok(expected.codes.includes(code), said);
    if (expected.failed)
        assert.equal(code, expected.failed, said);
    if ("accepted" in expected) {
        assert.equal(over?.status, "done", said);
        assert.deepEqual([over.accepted_count, over.rejected_count], [expected.accepted, expected.rejected], said);
    }
    if (expected.atLeast)
        assert.ok(over?.accepted_count >= expected.atLeast, said);
}

const peak = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) * 1024;

test(`${files} hostile files`, async (t) => {
    const folder = makeFolder(t), server = await startServer(t, folder), person = await setUp(server);
    const tally = {};
    let next = 0;
    const lane = async () => {
        for (let i = next++; i < files; i = next++) {
            const [what, make] = i % 25 === 24 ? large[(i / 25 | 0) % large.length] : kinds[i % kinds.length];
            const made = make();
            const kind = ["orders", "events", "costs"].includes(made[0]) ? made.shift() : "customers";
            const [bytes, expected, name = "data.csv"] = made;
            const answer = await run(person, bytes, kind, name);
            judge(`file ${i} (${what})`, answer, expected);
            tally[answer.code ?? "taken"] = (tally[answer.code ?? "taken"] ?? 0) + 1;
        }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    assert.equal((await person.ask("/api/me")).status, 200);
    assert.ok(peak(server.child.pid) < memory_max, `memory: ${peak(server.child.pid) >> 20} MiB`);
    t.diagnostic(`memory at most ${peak(server.child.pid) >> 20} MiB; ${JSON.stringify(tally)}`);
    assert.deepEqual(server.log.split("\n").filter((line) => /"must"|"error"/.test(line)), []);
    await server.kill();
    const done = papilio(["check", "--data", folder]);
    assert.equal(done.code, 0, done.out + done.err);
});
