// The document is the truth: what the program answers conforms to it, what it lists exists, and nothing else is taken.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Ajv2020 } from "ajv/dist/2020.js";
import { before, after, test } from "node:test";
import { idOfNow, isShared, makeFolder, Person, runSql, startServer, until } from "./papilio.mjs";

// Objects in answers hold what the document names and nothing else.
function close(schema) {
    if (schema && typeof schema === "object") {
        if (schema.type === "object" && schema.properties)
            schema.additionalProperties = false;
        Object.values(schema).forEach(close);
    }
    return schema;
}

const ends = [];
let server, folder, admin, document, check;
const walked = new Set();

before(async () => {
    const t = { after: (end) => ends.unshift(end) };
    folder = makeFolder(t);
    server = await startServer(t, folder);
    document = await (await fetch(`${server.url}/api/openapi.json`)).json();
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    ajv.addSchema(close(structuredClone(document)), "api");
    check = (pointer, value, about) => {
        const validate = ajv.getSchema(`api#${pointer}`);
        assert.ok(validate, pointer);
        assert.ok(validate(value), `${about}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)?.slice(0, 2000)}`);
    };
    admin = new Person(server.url);
});

after(() => ends.forEach((end) => end()));

const pointer = (...parts) => parts.map((part) => `/${encodeURIComponent(part.replace(/~/g, "~0").replace(/\//g, "~1"))}`)
    .join("");

// The listed route that an address belongs to; whole paths first.
function routeOf(method, path) {
    const parts = path.split("?")[0].split("/");
    const fits = (route) => {
        const wanted = route.split("/");
        return wanted.length === parts.length
            && wanted.every((part, i) => part === parts[i] || (part.startsWith("{") && parts[i] !== ""));
    };
    const found = Object.keys(document.paths).filter(fits).filter((route) => document.paths[route][method])
        .sort((a, b) => a.split("{").length - b.split("{").length);
    assert.ok(found.length, `${method} ${path} is not in the document`);
    return found[0];
}

// Ids are text, times and money whole numbers, wherever they stand.
function checkValues(value, about) {
    if (value === null || typeof value !== "object")
        return;
    for (const [name, one] of Object.entries(value)) {
        if (name === "id" || name.endsWith("_id"))
            assert.ok(one === null || /^[1-9][0-9]*$/.test(typeof one === "string" ? one : ""), `${about}: ${name}=${one}`);
        if (/_(ms|fen|count|ppm|days|micro)$/.test(name))
            assert.ok(one === null || Number.isSafeInteger(one), `${about}: ${name}=${one}`);
        if (name !== "result") // of a job: its own words
            checkValues(one, about);
    }
}

async function ask(path, body, headers) {
    const method = body === undefined ? "get" : "post", route = routeOf(method, path);
    const operation = document.paths[route][method], about = `${method} ${path}`;
    if (body !== undefined && operation.requestBody)
        check(pointer("paths", route, method, "requestBody", "content", "application/json", "schema"), body, about);
    const { status, json } = await admin.ask(path, body, headers);
    const wanted = status < 400 ? String(status) : "4XX";
    assert.ok(operation.responses[wanted], `${about}: ${status} ${JSON.stringify(json)}`);
    if (operation.responses[wanted].content)
        check(pointer("paths", route, method, "responses", wanted, "content", "application/json", "schema"), json, about);
    checkValues(json, about);
    if (status < 400)
        walked.add(`${method} ${route}`);
    return { status, json };
}

async function good(path, body, headers) {
    const { status, json } = await ask(path, body, headers);
    assert.ok(status === 200 || status === 204, `${path}: ${status} ${JSON.stringify(json)}`);
    return json;
}

async function bad(path, body, wanted, headers) {
    const { status, json } = await ask(path, body, headers);
    assert.equal(json?.error?.code, wanted, `${path}: ${status} ${JSON.stringify(json)}`);
    return json.error;
}

const now_ms = Date.now(), day_ms = 86_400_000;
const key = () => ({ "Idempotency-Key": crypto.randomUUID() });
const made = {};

test("set-up and who I am", async () => {
    await good(`/api/setup?token=${server.setup}`);
    await good("/api/setup", {
        token: server.setup, login: "admin", name: "蝶", password: "correct horse battery", brand_name: "蝶域",
        zone: "Asia/Shanghai", currency: "CNY",
    });
    await good("/api/logout", {});
    await good("/api/login", { login: "admin", password: "correct horse battery" });
    const me = await good("/api/me");
    assert.equal(me.permissions, "*");
    assert.equal(me.minor_digits, 2);
    await good("/api/me/password", { old_password: "correct horse battery", new_password: "another horse battery" });
});

test("channels and what they cost", async () => {
    made.root = (await good("/api/channels", { code: "web", name: "网站", kind: "site" })).id;
    made.leaf = (await good("/api/channels", { code: "web-ad", name: "Ad", kind: "ad", parent_id: made.root })).id;
    await good(`/api/channels/${made.leaf}/edit`, { name: "Ads" });
    await bad(`/api/channels/${made.root}/edit`, { parent_id: made.leaf }, "channel.cycle");
    await good(`/api/channels/${made.leaf}/costs`, { spent_date: "2026-01-31", cost_fen: 12345, note: "一月" });
    assert.equal((await good(`/api/channels/${made.leaf}/costs`)).items.length, 1);
    await bad(`/api/channels/${made.leaf}/costs`, { spent_date: "2026-02-30", cost_fen: 1 }, "channel.date");
    const { items } = await good("/api/channels");
    assert.equal(items.find((item) => item.id === made.root).branch_cost_fen, 12345);
});

test("customers, tags and events", async () => {
    made.attribute = (await good("/api/attributes", { name: "size", title: "尺码", kind: "choice", choices: ["L", "M"] })).id;
    made.customer = (await good("/api/customers", {
        name: "王小明", phone: "13800138000", email: "wang@example.com", region: "上海", channel_id: made.leaf,
        identities: [{ kind: "member_no", value: "M-1" }], attributes: { size: "L" },
    })).id;
    const clash = await bad("/api/customers", { name: "x", phone: "13800138000" }, "customer.exists");
    assert.ok(clash.message.includes(made.customer), clash.message);
    for (let i = 0; i < 5; i++)
        await good("/api/customers", { name: `Customer ${i}`, identities: [{ kind: "member_no", value: `N-${i}` }] });
    await good(`/api/customers/${made.customer}/edit`, { is_family: true, region: "北京" });
    made.tag = (await good("/api/tags", { family: "intent", name: "想买", color: "#2563eb" })).id;
    await good(`/api/tags/${made.tag}/edit`, { name: "很想买", color: "#2563ec" });
    await good(`/api/customers/${made.customer}/tags`, { tag_id: made.tag, is_on: true });
    assert.equal((await good("/api/tags")).items[0].customer_count, 1);

    const customer = { kind: "member_no", value: "M-1" };
    const result = await good("/api/v1/events", { events: [
        { message_id: "1", kind: "page_viewed", customer, properties: { url: "https://shop.example/a?b=c", title: "A" } },
        { message_id: "2", kind: "product_viewed", customer, properties: { product_code: "P1" }, occurred_ms: now_ms - day_ms },
        { message_id: "3", kind: "no_such_kind", customer },
        { message_id: "1", kind: "page_viewed", customer },
        { message_id: "4", kind: "friend_added", customer, channel_code: "web-ad" },
        { message_id: "5", kind: "page_viewed", customer, occurred_ms: now_ms + 30 * day_ms },
        { message_id: "6", kind: "page_viewed", customer, properties: { nothing_like_this: 1 } },
    ] });
    assert.deepEqual([result.accepted_count, result.duplicate_count], [3, 1], JSON.stringify(result));
    assert.deepEqual(result.rejected.map((each) => each.index_number), [2, 5, 6]);
    await good("/api/v1/beacon", { events: [{ message_id: "7", kind: "page_viewed", customer }] });
});

test("masked, and shown by a change of its own", async () => {
    const masked = await good(`/api/customers/${made.customer}`);
    assert.deepEqual([masked.phone, masked.email], ["138****8000", "w***@example.com"]);
    const clear = await good(`/api/customers/${made.customer}/reveal`, { fields: "phone email" });
    assert.deepEqual([clear.phone, clear.email, clear.name], ["13800138000", "wang@example.com", null]);
});

test("what the brand knows of a customer besides", async () => {
    const customer = `/api/customers/${made.customer}`;
    await good(`/api/attributes/${made.attribute}/edit`, { title: "号型", choices: ["S", "L", "M"], is_archived: false });
    await good("/api/attributes/order", { items: [{ id: made.attribute }] });
    assert.deepEqual((await good("/api/attributes")).items[0].choices, ["S", "L", "M"]);
    await bad(`${customer}/edit`, { attributes: { size: "XL" } }, "attribute.value");
    await good(`${customer}/edit`, { birth_date: "1992-02-29", attributes: { size: "M" } });
    const child = (await good(`${customer}/children`, { birth_date: "2020-01-31", name: "小明" })).id;
    await good(`/api/children/${child}/edit`, { birth_date: "2020-02-29" });
    made.group = (await good("/api/tag-groups", { family: "intent", name: "热度", is_exclusive: false })).id;
    await good(`/api/tag-groups/${made.group}/edit`, { name: "热度", is_exclusive: true });
    await good(`/api/tags/${made.tag}/move`, { group_id: made.group });
    const { owner_staff_id } = await good(`${customer}/card`);
    assert.equal(owner_staff_id, null);
    const { staff } = await good("/api/owners");
    await good(`${customer}/owner`, { staff_id: staff[0].staff_id, reason: "新客" });
    assert.equal((await good(`${customer}/owner`)).items[0].reason, "新客");
    await good(`${customer}/relations`, { source: "scan", remark: "王太太" });
    await good(`${customer}/relations/${staff[0].staff_id}/remark`, { remark: "小王" });
    assert.equal((await good(`${customer}/relations`)).items[0].remark, "小王");
    await good(`${customer}/relations/${staff[0].staff_id}/lost`, {});
    await good(`${customer}/block`, { is_blocked: true, reason: "恶意退货" });
    const note = (await good(`${customer}/notes`, { text: "下午联系" })).id;
    await good(`/api/notes/${note}/edit`, { text: "上午联系" });
    assert.equal((await good(`${customer}/notes`)).items[0].text, "上午联系");
    await good(`/api/notes/${note}/delete`, {});
    const card = await good(`${customer}/card`);
    assert.deepEqual([card.birth_date, card.life_stage_zh, card.owner_staff_id, card.block_reason],
        ["1992-02-29", "6 岁以上", staff[0].staff_id, "恶意退货"]);
    assert.deepEqual(card.attributes.map(({ title, value }) => [title, value]), [["号型", "M"]]);
    assert.deepEqual(card.thickness, [{ family: "intent", known_count: 1, group_count: 1, thickness_ppm: 1_000_000 }]);
    await good(`/api/children/${child}/delete`, {});
    await good(`/api/tag-groups/${made.group}/delete`, {});
    const spare = (await good("/api/tags", { family: "spending", name: "大单", color: "#2563eb" })).id;
    await good(`/api/tags/${spare}/delete`, { customer_count: 0 });
    await good(`${customer}/timeline?group=profile`);
});

test("keys", async () => {
    assert.equal((await good("/api/privacy/keys")).seal_number, 1);
    await good("/api/privacy/keys/rotate", { which: "seal" });
});

test("consents; a person's copy and deletion", async () => {
    const { id, version_number } = await good("/api/consent-texts", { purpose: "marketing", title: "营销", body: "可以发。" });
    assert.equal(version_number, 1);
    assert.equal((await good("/api/consent-texts")).items.length, 1);
    const given = await good(`/api/customers/${made.customer}/consents`, { consent_text_id: id, source: "h5" });
    assert.equal((await good(`/api/customers/${made.customer}/consents`)).purposes[0].is_given, true);
    await good(`/api/consents/${given.id}/withdraw`, { source: "h5" });
    await bad(`/api/consents/${given.id}/withdraw`, { source: "h5" }, "consent.withdrawn");
    await good(`/api/customers/${made.customer}/privacy/export`, { reason: "来信" });
    const gone = (await good("/api/customers", { name: "要走的人", phone: "13711112222" })).id;
    const { customer_number } = await good(`/api/customers/${gone}`);
    await bad(`/api/customers/${gone}/privacy/delete`, { reason: "来信", confirm_number: customer_number + 1 }, "privacy.confirm");
    const request = await good(`/api/customers/${gone}/privacy/delete`, { reason: "来信", confirm_number: customer_number });
    const items = (await good("/api/privacy/requests")).items;
    assert.deepEqual(items.map((item) => item.kind), ["delete", "export"]);
    const receipt = await fetch(`${server.url}/api/privacy/requests/${request.id}/receipt`, { headers: { Cookie: admin.cookie } });
    assert.match(await receipt.text(), /回执.*客户编号/s);
    walked.add("get /api/privacy/requests/{request_id}/receipt");
});

test("orders", async () => {
    const customer = { kind: "member_no", value: "M-1" };
    const lines = [
        { product_code: "P1", product_name: "茶", quantity_count: 2, unit_price_micro: 19_900_000 },
        { product_code: "P2", product_name: "Cup", quantity_count: 1, unit_price_micro: 5_005_000 },
    ];
    const order = { source: "shop", order_no: "A-1", placed_ms: now_ms - 40 * day_ms, customer, lines };
    made.order = (await good("/api/orders", order, key())).id;
    assert.deepEqual(await good("/api/orders", order, key()), { id: made.order, is_new: false });
    await bad("/api/orders", { ...order, placed_ms: now_ms }, "order.differs", key());
    await bad("/api/orders", { ...order, order_no: "A-2" }, "repeat.required");
    const later = await good("/api/orders", { ...order, order_no: "A-2", placed_ms: now_ms - day_ms }, key());
    const third = await good("/api/orders",
        { source: "shop", order_no: "A-3", placed_ms: now_ms, customer_id: made.customer, channel_id: made.leaf, lines }, key());
    await good(`/api/orders/${made.order}/refund`, { refund_no: "R-1", amount_fen: 1000, reason: "色差" }, key());
    await bad(`/api/orders/${made.order}/refund`, { refund_no: "R-2", amount_fen: 1_000_000 }, "order.refund_exceeds", key());
    await good(`/api/orders/${later.id}/cancel`, { reason: "changed mind" });
    const got = await good(`/api/orders/${made.order}`);
    assert.deepEqual([got.paid_fen, got.refunded_fen, got.lines.length, got.refunds.length], [4481, 1000, 2, 1]);
    assert.equal((await good(`/api/orders/${later.id}`)).status, "cancelled");
    assert.equal((await good(`/api/orders/${third.id}`)).customer_id, made.customer);
});

// An upload that is looked at, tried, run and taken back.
async function walkImport() {
    const raw = async (path, body) => {
        const reply = await fetch(server.url + path, {
            method: body === undefined ? "GET" : "POST", body, headers: { Cookie: admin.cookie, "X-CSRF-Token": admin.csrf } });
        walked.add(`${body === undefined ? "get" : "post"} ${routeOf(body === undefined ? "get" : "post", path)}`);
        assert.equal(reply.status, 200, path);
        return reply.text();
    };
    const settle = (path, wanted) => until(async () => (await good(path)).status === wanted, `${path} is not ${wanted}`);
    assert.match(await raw("/api/imports/template?kind=costs"), /douyin/);
    const csv = "channel,date,amount\nwalked,2026-01-05,5\nwalked,2026-01-06,x\n";
    const path = `/api/imports/${JSON.parse(await raw("/api/imports/upload?file_name=costs.csv", csv)).import_id}`;
    const mapping = { create_channels: true };
    assert.equal((await good(`${path}/preview`, { kind: "costs", mapping })).rows[1].code, "row.number");
    await good(`${path}/start`, { kind: "costs", mapping, is_dry: true });
    await settle(path, "done");
    await good(`${path}/start`, { kind: "costs", mapping });
    await settle(path, "done");
    assert.match(await raw(`${path}/rejects`, "{}"), /row\.number/);
    assert.equal((await ask(`${path}/cancel`, {})).status, 409);
    const long = `channel,date,amount\n${"walked,2026-01-05,5\n".repeat(40_000)}`;
    const stopped = `/api/imports/${JSON.parse(await raw("/api/imports/upload?file_name=long.csv", long)).import_id}`;
    await good(`${stopped}/start`, { kind: "costs", is_dry: true });
    const cancelled = await ask(`${stopped}/cancel`, {}); // it may have been quicker
    assert.ok(cancelled.status === 200 || cancelled.json.error.code === "import.over", JSON.stringify(cancelled.json));
    walked.add("post /api/imports/{import_id}/cancel");
    await good(`${path}/undo`, {});
    await settle(path, "undone");
}

test("lists, profiles and overviews", async () => {
    const month = new Date(now_ms - 40 * day_ms).toISOString().slice(0, 7);
    const queries = ["", "search=王", "search=13800138000", "search=" + encodeURIComponent("小明"), "state=once", "state=never",
        "stage=added", "stage=first_order", "stage=loyal", `channel_id=${made.root}`, `tag_id=${made.tag}`,
        "from_date=2020-01-01&to_date=2099-01-01", `month=${month}`, "sort=newest", "sort=last_order", "sort=paid",
        "sort=orders", "limit=1"];
    for (const query of queries)
        await good(`/api/customers${query && `?${query}`}`);
    let cursor = "", seen = [];
    do {
        const page = await good(`/api/customers?limit=2&sort=paid${cursor}`);
        seen.push(...page.items.map((item) => item.id));
        cursor = page.next_cursor && `&cursor=${encodeURIComponent(page.next_cursor)}`;
    } while (cursor);
    assert.equal(new Set(seen).size, 6);
    assert.equal(seen.length, 6);
    const profile = await good(`/api/customers/${made.customer}`);
    assert.deepEqual((await good(`/api/customers/names?ids=${made.customer},5`)).items, [{ id: made.customer, name: profile.name }]);
    assert.deepEqual([profile.order_count, profile.name, profile.region], [2, "王小明", "北京"]);
    assert.ok((await good(`/api/customers/${made.customer}/timeline?limit=3`)).items.length === 3);
    if (document.paths["/api/customers/{customer_id}/orders"])
        assert.equal((await good(`/api/customers/${made.customer}/orders`)).items.length, 3);
    await good("/api/imports");
    await walkImport();
    const overview = await good("/api/overview");
    assert.deepEqual([overview.figures.order_count, overview.figures.customer_count], [2, 1]);
    await good("/api/overview?from_date=2020-01-01&to_date=2099-01-01");
    await good(`/api/overview?channel_id=${made.leaf}`);
    await good("/api/overview/cohort");
    await good("/api/overview/raw");
    const rfm = await good("/api/rfm");
    assert.deepEqual([rfm.customer_count, rfm.order_count], [1, 2]);
    assert.equal((await good(`/api/layers/matrix?channel_id=${made.leaf}`)).cells.length, 1);
    for (const by of ["month", "quarter", "channel", "state", "rfm", "first_month"])
        assert.equal((await good(`/api/layers/figures?by=${by}`)).total.order_count, 2);
    assert.equal((await good("/api/layers/customers?who=repeat")).total_count, 1);
});

const ended = (job_id) => until(async () => {
    const { status } = await good(`/api/jobs/${job_id}`);
    return !["waiting", "running", "undoing"].includes(status) && status;
}, "the job does not end");

test("two records become one and two again; likely ones", async () => {
    const first = (await good("/api/customers", { name: "双份", phone: "13611110000" })).id;
    const second = (await good("/api/customers", { name: "双份", phone: "13711110000" })).id;
    await good(`/api/customers/${first}/merge?other_customer_id=${second}`);
    const merge = await good(`/api/customers/${first}/merge`, { other_customer_id: second });
    assert.equal(merge.customer_id, first);
    assert.equal((await good(`/api/customers/${first}/merges`)).items.length, 1);
    await good(`/api/merges/${merge.id}/undo`, {});
    const find = await good("/api/duplicates/find", {});
    assert.equal(await ended(find.job_id), "done");
    assert.equal((await good("/api/duplicates")).items.length, 1);
    await good("/api/duplicates/dismiss", { customer_id: first, other_customer_id: second });
    await bad("/api/duplicates/dismiss", { customer_id: second, other_customer_id: made.customer }, "duplicate.unknown");
    made.pair = [first, second];
});

test("work on many, and views", async () => {
    const bulk = await good("/api/customers/bulk", {
        action: "tag_on", tag_id: made.tag, ids: made.pair.map((id) => ({ id })), confirm_count: 2,
    });
    assert.equal(await ended(bulk.job_id), "done");
    await bad(`/api/jobs/${bulk.job_id}/cancel`, {}, "job.ended");
    await good(`/api/jobs/${bulk.job_id}/undo`, {});
    assert.equal(await ended(bulk.job_id), "undone");
    assert.ok((await good("/api/jobs")).items.length > 0);
    await bad(`/api/jobs/${bulk.job_id}/file`, undefined, "job.no_file");
    const table = await good("/api/customers/bulk", { action: "export", format: "csv", filter: {}, ids: [{ id: made.pair[0] }] });
    const { status, json } = await ask(`/api/jobs/${table.job_id}/cancel`, {}); // it may have been quicker
    assert.ok(status === 200 || json.error.code === "job.ended", `${status}`);
    walked.add("post /api/jobs/{job_id}/cancel");
    const again = await good("/api/customers/bulk", { action: "export", format: "csv", ids: [{ id: made.pair[0] }] });
    assert.equal(await ended(again.job_id), "done");
    const file = await fetch(`${server.url}/api/jobs/${again.job_id}/file`, { headers: { Cookie: admin.cookie } });
    assert.match(await file.text(), /双份/);
    walked.add("get /api/jobs/{job_id}/file");
    const view = await good("/api/views", { name: "复购", ask: { state: "repeat" }, is_shared: false });
    assert.equal((await good("/api/views")).items.length, 1);
    await good(`/api/views/${view.id}/edit`, { name: "常客", ask: { state: "repeat" }, is_shared: true });
    await good(`/api/views/${view.id}/delete`, {});
});

test("settings and write keys", async () => {
    const { items } = await good("/api/settings");
    const sleep = items.find((item) => item.name === "sleep_after_days");
    const { version_count } = await good("/api/settings", { name: sleep.name, value: 60, reason: "test", version_count: sleep.version_count });
    await good(`/api/settings/${sleep.name}/versions`);
    await good("/api/settings/mail-test", { to: "li@example.org" });
    await good("/api/settings/mail-test");
    await bad("/api/settings", { name: sleep.name, value: 61, reason: "test", version_count: version_count - 1 }, "setting.changed");
    await good("/api/write-keys", { name: "site" });
    const keys = (await good("/api/write-keys")).items;
    await good(`/api/write-keys/${keys[0].id}/edit`, { is_active: false });
    await good("/api/settings");
});

test("staff, organisation, roles and the audit trail", async () => {
    const org = (await good("/api/orgs", { code: "hq", name: "总部", kind: "company" })).id;
    await good(`/api/orgs/${org}/edit`, { name: "总公司" });
    assert.equal((await good("/api/orgs")).items[0].name, "总公司");
    await good("/api/roles", { name: "lead", title: "店长", permissions: "customer.read", scope: "store" });
    await good("/api/roles/lead/edit", { version_count: 1, permissions: "customer.read customer.tag" });
    await bad("/api/roles/lead/edit", { version_count: 1, scope: "all" }, "role.changed");
    const { items, rights } = await good("/api/roles");
    assert.ok(items.some((role) => role.name === "lead") && rights.some((right) => right.name === "audit.read"));
    const made = await good("/api/staff", { login: "li", name: "李", role: "lead", org_id: org });
    await good(`/api/staff/${made.id}/edit`, { role: "guide" });
    await good("/api/roles/lead/delete", {});
    await good(`/api/staff/${made.id}/totp/reset`, {});
    const { link_token } = await good(`/api/staff/${made.id}/password`, {});
    assert.equal((await good(`/api/link?token=${link_token}`)).login, "li");
    await good("/api/link", { token: link_token, password: "a long password" });
    assert.equal((await good(`/api/staff/${made.id}`)).role, "guide");
    assert.equal((await good("/api/staff")).items.length, 2);
    const trail = await good(`/api/audit?noun=staff&subject_id=${made.id}`);
    assert.ok(trail.items.length >= 3 && trail.items[0].staff_name === "蝶", JSON.stringify(trail));
});

// RFC 6238 with SHA-1, 30 seconds, six digits.
function codeOf(secret, step) {
    const bits = [...secret].map((at) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(at).toString(2).padStart(5, "0")).join("");
    const bytes = Buffer.from(bits.match(/.{8}/g).map((each) => parseInt(each, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", bytes).update(counter).digest();
    return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("second factor, sessions and keys", async () => {
    const { secret } = await good("/api/me/totp/begin", { password: "another horse battery" });
    const step = Math.floor(Date.now() / 30_000);
    const { recovery_codes } = await good("/api/me/totp/confirm", { code: codeOf(secret, step) });
    assert.equal(recovery_codes.length, 10);
    assert.deepEqual(await good("/api/me/totp"), { is_on: true, recovery_left_count: 10 });
    const login = { login: "admin", password: "another horse battery" };
    await bad("/api/login", login, "login.code_needed");
    await bad("/api/login", { ...login, code: codeOf(secret, step) }, "login.code");
    await good("/api/login", { ...login, code: recovery_codes[0].code });
    await good("/api/me/totp/off", { password: login.password, code: codeOf(secret, step + 1) });
    const { items } = await good("/api/me/sessions");
    assert.ok(items.length >= 2 && items.filter((item) => item.is_current).length === 1, JSON.stringify(items));
    await good(`/api/me/sessions/${items.find((item) => !item.is_current).id}/revoke`, {});
    await good("/api/me/sessions/revoke_others", {});
    assert.equal((await good("/api/me/sessions")).items.length, 1);
    const li = (await good("/api/staff?search=li")).items[0];
    const other = new Person(server.url);
    assert.equal((await other.ask("/api/login", { login: "li", password: "a long password" })).status, 200);
    const theirs = (await good(`/api/staff/${li.id}/sessions`)).items;
    await good(`/api/staff/${li.id}/sessions/${theirs[0].id}/revoke`, {});
    assert.equal((await other.ask("/api/me")).status, 401);
    await good(`/api/staff/${li.id}/sessions/revoke_all`, {});

    const made = await good("/api/keys", { name: "crm", permissions: "customer.read", expires_days: 1 });
    const ask_with = (path) => fetch(`${server.url}${path}`, { headers: { Authorization: `Bearer ${made.key}` } });
    assert.equal((await ask_with("/api/customers")).status, 200);
    assert.equal((await ask_with("/api/orders/1")).status, 403);
    assert.equal((await ask_with("/api/keys")).status, 403);
    assert.equal((await good("/api/keys")).items[0].hint, made.hint);
    await good(`/api/keys/${made.id}/revoke`, {});
    assert.equal((await ask_with("/api/customers")).status, 401);
});

// Rows that no route makes yet.
const insert = (sql) => runSql(folder, sql);

test("the ledger as it is read", async () => {
    insert(`
        INSERT INTO account VALUES (11, 'system', 0, 'points', 'issued', 0, -50, NULL, 1, 13, 0, 1);
        INSERT INTO account VALUES (12, 'customer', ${made.customer}, 'points', 'available', 0, 50, 0, 1, 13, 0, 1);
        INSERT INTO transfer VALUES (13, 'order_points', 7, 0, 11, 12, 50, -50, 50, 1, 1, NULL, NULL, NULL, 0, NULL, NULL, 1);`);
    assert.equal((await good("/api/accounts?owner_kind=system")).items[0].balance_count, -50);
    assert.equal((await good(`/api/customers/${made.customer}/accounts`)).items[0].balance_count, 50);
    assert.equal((await good("/api/accounts/12")).unit, "points");
    assert.equal((await good("/api/accounts/12/statement")).items[0].amount_count, 50);
    assert.equal((await good("/api/transfers/13")).to.owner_id, made.customer);
    await bad("/api/accounts/99", undefined, "account.unknown");
});

test("timers: what waits, what is dead", async () => {
    insert(`INSERT INTO timer VALUES (1, 'of tomorrow', 7, 9000000000000, 'waiting', 0, '{"n":1}', NULL, NULL, 1, 1),
        (2, 'of tomorrow', 8, 5, 'dead', 12, NULL, 'a.b', 'words', 1, 1), (3, 'of tomorrow', 9, 5, 'dead', 12, NULL, 'a.b', 'words', 1, 2);`);
    assert.equal((await good("/api/timers?status=waiting")).items[0].input.n, 1);
    assert.ok((await good("/api/timers?status=dead&limit=1")).next_cursor);
    await bad("/api/timers", undefined, "input.required");
    await good("/api/timers/2/retry", {});
    await bad("/api/timers/1/retry", {}, "timer.waiting");
    await good("/api/timers/3/cancel", { reason: "of no use any more" });
    await bad("/api/timers/3/cancel", { reason: "x" }, "timer.unknown");
});

test("outbox, inbox, payments and differences", async () => {
    const message = idOfNow();
    insert(`
        INSERT INTO outbox VALUES (1, 'old', 11, NULL, NULL, 'a', 'waiting', 9000000000000, 0, NULL, NULL, 1, 1),
            (2, 'old', 12, NULL, NULL, 'a', 'dead', 9000000000000, 12, 404, 'HTTP 404', 1, 1);
        INSERT INTO inbox VALUES (${message}, 'payee', x'01', 'old', NULL, 'dead', 12, 9000000000000, 'a.b: words', 1);
        INSERT INTO saga VALUES (1, 'old', 11, NULL, 100, 'unknown', NULL, 3, 9000000000000, NULL, 'io', 1, 6);
        INSERT INTO bill_difference VALUES (1, 'old', 20458, 1, 'P1', 'amount', 100, 120, 5, NULL, NULL, NULL);`);
    assert.ok((await good("/api/outbox?limit=1")).next_cursor);
    assert.equal((await good("/api/outbox?status=dead")).items[0].status_count, 404);
    await bad("/api/outbox/1/retry", {}, "outbox.not_dead");
    assert.equal((await good("/api/outbox/2/reveal", {})).body, null);
    await good("/api/outbox/2/retry", {});
    await good("/api/outbox/1/cancel", { reason: "of no use any more" });
    assert.equal((await good("/api/inbox")).items[0].source, "payee");
    await bad("/api/inbox/99/retry", {}, "inbox.unknown");
    await good(`/api/inbox/${message}/retry`, {});
    assert.equal((await good("/api/sagas?status=unknown")).items[0].amount_fen, 100);
    assert.equal((await good("/api/sagas/1")).differences[0].theirs_fen, 120);
    await good("/api/sagas/1/ask", {});
    assert.equal((await good("/api/bill_differences?is_open=true")).items[0].kind, "amount");
    await good("/api/bill_differences/1/close", { words: "they paid it back" });
    await bad("/api/bill_differences/1/close", { words: "x" }, "difference.closed");
});

test("webhooks", async () => {
    const hook = await good("/api/webhooks", { title: "ERP", url: "http://127.0.0.1:1/", kinds: "*" });
    assert.equal(hook.secret.length, 32);
    await bad("/api/webhooks", { title: "ERP", url: "ftp://a.example/", kinds: "*" }, "webhook.url");
    assert.equal((await good("/api/webhooks")).items[0].title, "ERP");
    await good(`/api/webhooks/${hook.id}/test`, {});
    await good(`/api/webhooks/${hook.id}/edit`, { title: "ERP 2", url: "http://127.0.0.1:1/", kinds: "*" });
    await good(`/api/webhooks/${hook.id}/rotate`, { overlap_days: 1 });
    await good(`/api/webhooks/${hook.id}/deliveries`);
    await good(`/api/webhooks/${hook.id}/retry`, {});
    await good(`/api/webhooks/${hook.id}/pause`, {});
    await good(`/api/webhooks/${hook.id}/resume`, {});
    await good(`/api/webhooks/${hook.id}/remove`, {});
    await bad(`/api/webhooks/${hook.id}/test`, {}, "webhook.unknown");
});

test("campaigns, their preflight and rewards", async () => {
    assert.equal((await good("/api/plays")).items[0].kind, "giveaway");
    const rules = { stock_count: 2, day_limit_count: 1, points_count: 5 };
    const { id } = await good("/api/campaigns", { kind: "giveaway", title: "春日领取", rules });
    const path = `/api/campaigns/${id}`;
    await good(`${path}/versions`, { rules: { ...rules, day_limit_count: 2 }, reason: "twice" });
    assert.equal((await good(`${path}/diff?from=1&to=2`)).items[0].name, "day_limit_count");
    await good(`${path}/budget`, { unit: "points", amount: 10, reason: "spring" }, key());
    await good(`${path}/override`, { check_name: "claim_deadline", reason: "for good" });
    await good(`${path}/move`, { to_status: "in_review" });
    await good(`${path}/move`, { to_status: "scheduled" });
    await until(async () => (await good(path)).status === "running", "the campaign does not begin");
    const { id: customer_id } = await good("/api/customers", { name: "领取人" });
    const claim = { customer_id };
    assert.equal((await good(`/api/giveaways/${id}/claims`, claim, key())).is_held, false);
    await good(`/api/customers/${customer_id}/block`, { is_blocked: true, reason: "odd" });
    const held = await good(`/api/giveaways/${id}/claims`, claim, key());
    assert.equal(held.is_held, true);
    assert.equal((await good("/api/rewards?status=held")).items[0].risk_zh, "客户在黑名单中");
    await good(`/api/rewards/${held.reward_id}/decide`, { is_granted: true, reason: "known" });
    assert.equal((await good(`/api/rewards?campaign_id=${id}`)).items.length, 2);
    await bad(`/api/giveaways/${id}/claims`, claim, "counter.full", key());
    assert.equal((await good("/api/campaigns")).items[0].participant_count, 1);
});

test("a transfer taken back by hand, asked for and refused", async () => {
    const { items } = await good("/api/accounts?owner_kind=campaign&bucket=budget&unit=points");
    const posted = (await good(`/api/accounts/${items[0].id}/statement`)).items.at(-1);
    assert.equal(posted.kind, "campaign_budget");
    const path = `/api/transfers/${posted.transfer_id}`;
    const done = await good(`${path}/reverse`, { amount_count: 1, policy: "up_to_balance", reason: "too much" }, key());
    assert.equal(done.status, "done");
    await bad(`${path}/reverse`, { amount_count: 1000, policy: "up_to_balance", reason: "x" }, "ledger.reversed", key());
    const above = (await good("/api/settings")).items.find((item) => item.name === "reversal_second_points");
    await good("/api/settings", { name: above.name, value: 0, reason: "test", version_count: above.version_count });
    const asked = await good(`${path}/reverse`, { amount_count: 1, policy: "up_to_balance", reason: "again" }, key());
    assert.equal(asked.status, "asked");
    assert.equal((await good("/api/reversals?status=asked")).items[0].is_mine, true);
    await bad(`/api/reversals/${asked.id}/decide`, { is_agreed: true, words: "yes" }, "reversal.own");
    await good("/api/staff", { login: "second", name: "二", role: "operator", password: "a long password" });
    const second = new Person(server.url);
    assert.equal((await second.ask("/api/login", { login: "second", password: "a long password" })).status, 200);
    const refusal = { is_agreed: false, words: "no need" };
    const { status, json } = await second.ask(`/api/reversals/${asked.id}/decide`, refusal);
    assert.deepEqual([status, json.status], [200, "refused"]);
    check(pointer("paths", "/api/reversals/{reversal_id}/decide", "post", "responses", "200", "content", "application/json", "schema"),
        json, "decide");
    walked.add("post /api/reversals/{reversal_id}/decide");
});

test("how the system is", async () => {
    const report = await good("/api/health_report");
    assert.deepEqual([report.timer_dead_count, report.backup_ms], [0, null]);
    assert.ok((isShared || report.base_bytes > 0) && report.now_ms > 0); // of the file
    const { items } = await good("/api/checks");
    assert.ok(items.some((item) => item.name === "audit_chain"));
    assert.equal((await good("/api/checks/audit_chain")).found_count, 0);
    await bad("/api/checks/moon", undefined, "check.unknown");
});

test("the audience is asked", async () => {
    const { kinds, columns, attributes } = await good("/api/audience/catalog");
    assert.ok(kinds.some((kind) => kind.name === "order_paid" && kind.title_zh === "支付订单"));
    assert.equal(columns[0].name, "amount");
    assert.ok(attributes.find((one) => one.name === "size").choices.includes("M"));
    const who = { any: [{ attribute: "size", is: ["L", "M"] }, { did: { kind: "order_paid" } }] };
    const { member_count: count } = await good("/api/audience/query", { query: { version: 1, ask: "segment", who } });
    assert.ok(count > 0);
    const counted = await good("/api/audience/count", { query: { version: 1, ask: "segment", who } });
    assert.deepEqual([counted.member_count, counted.sample.length], [count, Math.min(count, 20)]);
    const kind = { version: 1, ask: "breakdown", events: { kind: "order_paid" }, by: "kind", of: "amount" };
    assert.equal((await good("/api/audience/query", { query: kind })).rows[0][0], "order_paid");
    const fault = await bad("/api/audience/query", { query: { version: 1, ask: "segment", who: { tag: ["5"] } } }, "query.name");
    assert.match(fault.path, /^query\/who\/tag/);
    await bad("/api/audience/count", { query: kind }, "query.form");
    const one = { query: { version: 1, ask: "segment", who }, customer_id: made.customer };
    assert.equal((await good("/api/audience/explain", one)).leaves.length, 3);
    await bad("/api/audience/explain", { ...one, customer_id: "1" }, "customer.unknown");
    const { total_count: found } = await good(`/api/customers?who=${encodeURIComponent(JSON.stringify(who))}`);
    assert.equal(found, count);
    await bad("/api/customers?who=x", undefined, "query.form");
});

test("analyses are files", async () => {
    const query = { version: 1, ask: "breakdown", events: { kind: "order_paid" }, by: "kind", of: "amount" };
    for (const format of ["csv", "xlsx"]) {
        const file = await fetch(`${server.url}/api/audience/export`, {
            method: "POST", body: JSON.stringify({ query, format }),
            headers: { "Content-Type": "application/json", Cookie: admin.cookie, "X-CSRF-Token": admin.csrf },
        });
        assert.equal(file.status, 200);
        assert.match(file.headers.get("content-disposition"), new RegExp(`papilio-[0-9-]+\\.${format}`));
        assert.ok((await file.arrayBuffer()).byteLength > 40);
    }
    walked.add("post /api/audience/export");
    await bad("/api/audience/export", { query, format: "csv", titles: ["x"] }, "export.titles");
});

test("analyses are saved", async () => {
    const query = { version: 1, ask: "trend", events: { kind: "order_paid" }, units: "day" };
    const report = await good("/api/reports", { name: "days", query });
    assert.deepEqual((await good("/api/reports?ask=trend")).items[0].query, query);
    assert.equal((await good("/api/reports?ask=funnel")).items.length, 0);
    await good(`/api/reports/${report.id}/edit`, { name: "by day", query });
    await bad("/api/reports", { name: "x", query: { version: 1, ask: "trend" } }, "query.form");
    await good(`/api/reports/${report.id}/remove`, {});
    await bad(`/api/reports/${report.id}/remove`, {}, "report.unknown");
});

test("products have names", async () => {
    assert.ok(Array.isArray((await good(`/api/products?codes=${encodeURIComponent(JSON.stringify(["P"]))}`)).items));
    await bad("/api/products?codes=P1", undefined, "product.codes");
});

test("segments", async () => {
    const who = (one) => ({ version: 1, ask: "segment", who: one });
    const buyers = await good("/api/segments", { name: "buyers", about: "", definition: who({ did: { kind: "order_paid" } }) });
    const path = `/api/segments/${buyers.id}`;
    await bad("/api/segments", { name: "buyers", definition: who({ everyone: true }) }, "segment.exists");
    await bad("/api/segments", { name: "x", definition: who({ did: { kind: "flown" } }) }, "query.name");
    assert.equal((await good("/api/segments")).items[0].name, "buyers");
    await good(`${path}/edit`, { name: "all", definition: who({ everyone: true }), version_number: 1 });
    assert.equal((await good(path)).versions.length, 2);
    await bad(`${path}/edit`, { name: "all", definition: who({ everyone: true }), version_number: 1 }, "segment.changed");
    assert.equal((await good(`${path}/explain?customer_id=${made.customer}`)).is_in, true);
    await good(`/api/customers/${made.customer}/segments`);
    await bad("/api/customers/1/segments", undefined, "customer.unknown");
    assert.equal((await good("/api/tags/thickness")).items[0].families.length, 5);
    const list = await good(`${path}/snapshot`, { name: "now" });
    const { counts } = await good("/api/audience/overlap", { queries: [who({ segment: [buyers.id] }), who({ list: [list.id] })] });
    assert.deepEqual(counts.map((one) => one.mask_number), [1, 2, 3]);
    await bad("/api/audience/overlap", { queries: [who({ everyone: true })] }, "query.form");
    await good(`${path}/archive`, {});
    await good(`${path}/restore`, {});
    await bad("/api/segments/1/archive", {}, "segment.unknown");
});

test("what is not in the document is refused", async () => {
    const customer = `/api/customers/${made.customer}`;
    const codeOf = async (path, body, headers) => (await admin.ask(path, body, headers)).json?.error?.code;
    assert.equal(await codeOf("/api/customers?serach=x"), "input.unknown");
    assert.equal(await codeOf("/api/tags", { family: "intent", name: "x", color: "#112233", is_admin: true }), "input.unknown");
    assert.equal(await codeOf("/api/orders", {
        source: "s", order_no: "X-1", placed_ms: 1, customer_id: made.customer,
        lines: [{ product_code: "P", quantity_count: 1, unit_price_micro: 1, discount: 5 }],
    }, key()), "input.unknown");
    assert.equal(await codeOf(`${customer}/edit`, { id: "1" }), "input.unknown");
    assert.equal(await codeOf("/api/me?x=1"), "input.unknown");
    assert.equal(await codeOf("/api/logout", { x: 1 }), "input.unknown");
    for (const [path, body] of [["/api/customers/0", undefined], ["/api/customers/-1", undefined],
        ["/api/customers/9223372036854775807", undefined], ["/api/customers/99999999999999999999", undefined],
        ["/api/customers/1e3", undefined], ["/api/customers/%00", undefined], ["/api/customers/%ff", undefined],
        [`${customer}/tags`, { tag_id: 12, is_on: "yes" }], ["/api/tags", []], ["/api/tags", "x"], ["/api/tags", null],
        ["/api/customers?limit=101", undefined], ["/api/customers?cursor=x", undefined], ["/api/customers?month=2026-13", undefined],
        ["/api/overview?from_date=x&to_date=y", undefined]]) {
        const { status, json } = await admin.ask(path, body);
        assert.ok([400, 404].includes(status), `${path} ${JSON.stringify(body)}: ${status} ${JSON.stringify(json)}`);
        check("/components/schemas/error", json, path);
    }
    for (const text of ["", "{", "{}{}", "nul", '{"family":"intent","family":"intent"', '"\\ud800"', "[".repeat(2000)]) {
        const reply = await fetch(`${server.url}/api/tags`, {
            method: "POST", body: text, headers: { "Cookie": admin.cookie, "X-CSRF-Token": admin.csrf },
        });
        assert.equal(reply.status, 400, text.slice(0, 40));
        check("/components/schemas/error", await reply.json(), text.slice(0, 40));
    }
});

test("every route of the document was walked, and no budget or must() broke on the way", async () => {
    const listed = Object.entries(document.paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    assert.deepEqual(listed.filter((route) => !walked.has(route) && route !== "get /api/live"), []);
    const figures = await (await fetch(`${server.url}/metrics`)).text();
    for (const name of ["must", "budget"])
        assert.match(figures, new RegExp(`^papilio_${name}_total 0$`, "m"));
    assert.match(figures, new RegExp(`^papilio_requests_total\\{class="5xx"\\} ${admin.putOffCount}$`, "m"));
    // but a busy machine's, and of the timer and the message above that were tried again
    const words = server.log.split("\n").filter((line) => !/"event":"slow"|"of tomorrow 8: timer.kind|"\d+ old: inbox.kind/.test(line));
    assert.equal(words.join("\n"), "");
});
