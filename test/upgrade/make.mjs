// How foundation.sql was made: `node test/upgrade/make.mjs PROGRAM` with the program of the foundation (base version 1).
// Rows in every table, through that program's own commands and routes. What its pages said then lies in foundation.json.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [program] = process.argv.slice(2);
const out = import.meta.dirname ?? "test/upgrade";
const folder = mkdtempSync(join(tmpdir(), "papilio-"));
const password = "correct horse battery"; // of these accounts alone
const march = Date.UTC(2026, 2, 1, 4);
const day = 86_400_000;

function run(command, args, input) {
    const done = spawnSync(command, args, { encoding: "utf8", input, maxBuffer: 1 << 28 });
    if (done.status !== 0)
        throw new Error(`${command} ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
}
const user = (login, ...more) => run(program, ["user", "add", login, "--data", folder, ...more], `${password}\n`);

user("admin", "--name", "管理员", "--brand", "花间", "--zone", "Asia/Shanghai", "--currency", "CNY");
user("mei", "--name", "梅", "--role", "operator");
user("watch", "--name", "看", "--role", "viewer");
const child = spawn(program, ["serve", "--data", folder, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const url = await new Promise((done) => child.stdout.on("data", (text) => {
    if (String(text).includes("http://")) done(String(text).match(/http:\/\/[^\s]+/)[0]);
}));
process.on("exit", () => child.kill());
let cookie = "", csrf = "", count = 0;
async function ask(path, body, headers = {}) {
    const reply = await fetch(url + path, {
        method: body ? "POST" : "GET", body: body && JSON.stringify(body),
        headers: { "Content-Type": "application/json", Cookie: cookie, "X-CSRF-Token": csrf,
            ...(body ? { "Idempotency-Key": `make-${++count}` } : {}), ...headers },
    });
    const json = await reply.json().catch(() => null);
    if (!reply.ok)
        throw new Error(`${path}: ${reply.status} ${JSON.stringify(json)}`);
    if (reply.headers.get("set-cookie"))
        [cookie, csrf] = [reply.headers.get("set-cookie").split(";")[0], json.csrf_token];
    return json;
}

await ask("/api/login", { login: "admin", password });
for (const { name, value, version_count } of (await ask("/api/settings")).items)
    if (name === "brand_name")
        await ask("/api/settings", { name, value: `${value}集`, version_count });
const key = await ask("/api/write-keys", { name: "官网" });
const shop = await ask("/api/channels", { code: "shop", name: "门店", kind: "store" });
const ads = await ask("/api/channels", { code: "ads", name: "投放", kind: "ad" });
const feed = await ask("/api/channels", { code: "feed", name: "信息流", kind: "ad", parent_id: ads.id });
await ask(`/api/channels/${ads.id}/costs`, { spent_date: "2026-03-05", cost_fen: 120_000, note: "三月" });
const vip = await ask("/api/tags", { family: "identity", name: "会员", color: "#d4380d" });
const names = ["王小明", "李静", "张伟", "刘洋", "陈晨", "杨雪", "黄蕾", "欧阳娜娜", "Zoë Müller", "阿依古丽·买买提"];
const people = [];
for (const [i, name] of names.entries())
    people.push(await ask("/api/customers", { name, phone: `1380013800${i}`, email: i % 2 ? `c${i}@example.org` : null,
        region: i % 3 ? "上海" : "浙江", channel_id: [shop, ads, feed][i % 3].id, attributes: { 肤质: i % 2 ? "干" : "油" },
        identities: [{ kind: "unionid", value: `union-${i}` }] }, { "Idempotency-Key": `customer-${i}` }));
for (const { id } of people.slice(0, 4))
    await ask(`/api/customers/${id}/tags`, { tag_id: vip.id, is_on: true });
await ask(`/api/customers/${people[5].id}/edit`, { is_family: true });
const orders = [];
for (let i = 0; i < 24; i++)
    orders.push(await ask("/api/orders", { source: "shop", order_no: `N${i}`, placed_ms: march + i * 3 * day,
        customer_id: people[(i * i) % 7].id, channel_id: shop.id, lines: [
            { product_code: `p${i % 4}`, product_name: `商品${i % 4}`, quantity_count: 1 + i % 3, unit_price_micro: 19_900_000 + i * 100_000 },
            { product_code: "gift", product_name: "赠品", quantity_count: 1, unit_price_micro: 0 }] }));
await ask(`/api/orders/${orders[3].id}/refund`, { refund_no: "R1", amount_fen: 500, reason: "破损", refunded_ms: march + 12 * day });
await ask(`/api/orders/${orders[4].id}/cancel`, { reason: "拍错" });
await ask("/api/v1/events", { events: [
    { message_id: "m1", kind: "page_viewed", occurred_ms: march, anonymous_id: "visitor-1", properties: { page: "/home" } },
    { message_id: "m2", kind: "friend_added", occurred_ms: march, customer: { kind: "phone", value: "13800138001" }, channel_code: "feed" },
] }, { "X-Write-Key": key.key_text ?? key.key });
const rows = join(folder, "orders.csv");
writeFileSync(rows, "order_no,product_code,product_name,quantity,unit_price,placed_at,customer\n"
    + "I1,p1,商品1,2,19.90,2026-04-01 10:00,13900139000\nI2,p1,商品1,many,19.90,2026-04-02 10:00,13900139001\n");
writeFileSync(join(folder, "map.json"), JSON.stringify({ source: "file", currency: "CNY", zone: "Asia/Shanghai", decimal: ".",
    columns: { order_no: "order_no", placed_at: "placed_at", customer: "customer", product_code: "product_code",
        product_name: "product_name", quantity: "quantity", unit_price: "unit_price" }, customer_kind: "phone" }));
run(program, ["import", "orders", rows, "--mapping", join(folder, "map.json"), "--data", folder]);

const period = "from_date=2026-03-01&to_date=2026-05-31";
const said = { cookie, customers: [], overview: await ask(`/api/overview?${period}`), raw: await ask("/api/overview/raw") };
for (let cursor = ""; cursor !== null;) {
    const page = await ask(`/api/customers?limit=50${cursor && `&cursor=${cursor}`}`);
    for (const { id } of page.items) {
        const { name, phone, order_count, paid_fen } = await ask(`/api/customers/${id}`);
        said.customers.push({ id, name, phone, order_count, paid_fen });
    }
    cursor = page.next_cursor;
}
child.kill("SIGTERM");
await new Promise((done) => child.once("exit", done));
const base = join(folder, "papilio.db");
run("sqlite3", [base, "UPDATE session SET expires_ms = 4102444800000; "
    + "INSERT INTO setup_link VALUES (zeroblob(32), 1); INSERT INTO reply_a SELECT zeroblob(32), body_hash, status_count, body, created_ms FROM reply_b LIMIT 1"]);
const empty = run("sqlite3", [base, "SELECT name FROM sqlite_master WHERE type = 'table'"]).trim().split("\n")
    .filter((table) => run("sqlite3", [base, `SELECT count(*) FROM ${table}`]).trim() === "0");
if (empty.length)
    throw new Error(`nothing in ${empty}`);
writeFileSync(join(out, "foundation.sql"), `${run("sqlite3", [base, ".dump"])}PRAGMA user_version = 1;\n`);
writeFileSync(join(out, "foundation.key"), readFileSync(join(folder, "papilio.key")));
writeFileSync(join(out, "foundation.json"), `${JSON.stringify(said, null, 1)}\n`);
rmSync(folder, { recursive: true });
