// Attacks on rights: what somebody with too little tries to reach, see, change or become, and what must come of it. After
// each attempt the audit trail ends where it ended before, and at the end nothing of the victims has changed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, password, Person, setUp, startServer, until } from "./papilio.mjs";

const FAR_PHONE = "13711112222";
const FAR_EMAIL = "victim@far.example";
const FAR_NAME = "Zhaoxia Wu";

// What must not stand in any answer to an attack: the far customer's data in the clear.
const SECRETS = [FAR_PHONE, FAR_EMAIL, FAR_NAME, "a secret note"];

const sure = async (asked) => {
    const { status, json } = await asked;
    assert.equal(status, 200, JSON.stringify(json));
    return json;
};
const once = () => ({ "Idempotency-Key": `k${Math.random()}` });
const code = (answer) => answer.json?.error?.code;

async function signIn(url, login) {
    const person = new Person(url);
    await sure(person.ask("/api/login", { login, password }));
    return person;
}

function withKey(url, key) {
    const program = new Person(url);
    const ask = program.ask.bind(program);
    program.ask = (path, body, headers = {}) => ask(path, body, { Authorization: `Bearer ${key}`, ...headers });
    return program;
}

function withWriteKey(url, key) {
    const page = new Person(url);
    const ask = page.ask.bind(page);
    page.ask = (path, body, headers = {}) => ask(path, body, { "X-Write-Key": key, ...headers });
    return page;
}

const MANAGER_RIGHTS = "customer.read customer.name customer.write customer.tag customer.reveal customer.merge "
    + "customer.assign customer.export customer.delete order.read order.write channel.read setting.read overview.read "
    + "staff.read staff.write role.write key.write audit.read job.all import.read import.write setting.write channel.write";
const HELPDESK_RIGHTS = "customer.read staff.read staff.write role.write key.write";

async function people(admin, url) {
    const org = async (name) => (await sure(admin.ask("/api/orgs", { code: name, name, kind: "store" }))).id;
    const place = { a: await org("a"), b: await org("b") };
    const role = (name, permissions, scope) => sure(admin.ask("/api/roles", { name, title: name, permissions, scope }));
    await role("manager", MANAGER_RIGHTS, "store");
    await role("helpdesk", HELPDESK_RIGHTS, "all");
    const ids = { admin: (await sure(admin.ask("/api/me"))).staff_id };
    const add = async (login, roleName, org_id) => {
        ids[login] = (await sure(admin.ask("/api/staff", { login, name: login, role: roleName, org_id, password }))).id;
        return signIn(url, login);
    };
    return {
        place, ids,
        guide: await add("guide", "guide", place.a),
        other: await add("other", "guide", place.b),
        manager: await add("manager", "manager", place.a),
        helpdesk: await add("helpdesk", "helpdesk"),
        viewer: await add("viewer", "viewer"),
    };
}

// A customer of the other store with one of everything, two near ones, and what hangs on them.
async function things(admin, who) {
    const customer = async (fields, staff, org_id) => {
        const { id } = await sure(admin.ask("/api/customers", fields));
        await sure(admin.ask(`/api/customers/${id}/owner`, { staff_id: who.ids[staff], org_id, reason: "set" }));
        return id;
    };
    const far = await customer({ name: FAR_NAME, phone: FAR_PHONE, email: FAR_EMAIL }, "other", who.place.b);
    const far2 = await customer({ name: FAR_NAME, phone: "13711113333" }, "other", who.place.b);
    const merged = await customer({ name: "Zhaoxia W", phone: "13711114444" }, "other", who.place.b);
    const near = await customer({ name: "Near One", phone: "13811110001" }, "guide", who.place.a);
    const near2 = await customer({ name: "Near Two", phone: "13811110002" }, "guide", who.place.a);
    const order = { source: "shop", order_no: "F1", placed_ms: Date.now() - 9e6, customer_id: far,
        lines: [{ product_code: "p", quantity_count: 1, unit_price_micro: 5_000_000 }] };
    const text = await sure(admin.ask("/api/consent-texts", { purpose: "marketing", title: "t", body: "b" }));
    const of = (path, body, headers) => sure(admin.ask(path, body, headers)).then((json) => json.id);
    const made = {
        far, far2, merged, near, near2, order,
        merge: await of(`/api/customers/${far}/merge`, { other_customer_id: merged }),
        far_order: await of("/api/orders", order, once()),
        note: await sure(who.other.ask(`/api/customers/${far}/notes`, { text: "a secret note" })).then((json) => json.id),
        child: await of(`/api/customers/${far}/children`, { birth_date: "2020-02-29", name: "Kid" }),
        consent: await of(`/api/customers/${far}/consents`, { consent_text_id: text.id, source: "store" }),
        tag: await of("/api/tags", { family: "intent", name: "t", color: "#112233" }),
        channel: await of("/api/channels", { code: "c1", name: "C", kind: "other" }),
        text: text.id,
        view: await of("/api/views", { name: "mine", ask: { state: "once" }, is_shared: false }),
    };
    await sure(who.other.ask(`/api/customers/${far}/relations`, { source: "scan", remark: FAR_NAME }));
    return made;
}

async function scene(t) {
    const server = await startServer(t, makeFolder(t));
    const admin = await setUp(server);
    const who = await people(admin, server.url);
    const it = await things(admin, who);
    const key = (person, permissions) =>
        sure(person.ask("/api/keys", { name: permissions.slice(0, 40), permissions, expires_days: 9 }));
    const adminKey = await key(admin, "order.read");
    const bigKey = await key(admin, MANAGER_RIGHTS);
    const pageKey = await sure(admin.ask("/api/write-keys", { name: "page" }));
    it.admin_key = adminKey.id;
    it.admin_session = (await sure(admin.ask("/api/me/sessions"))).items[0].id;
    it.export = await sure(admin.ask(`/api/customers/${it.far}/privacy/export`, { reason: "letter" }));
    await until(async () => (await sure(admin.ask(`/api/jobs/${it.export.job_id}`))).status === "done", "the export does not end");
    return {
        server, admin, who, it, pageKey,
        as: {
            ...who, key: withKey(server.url, adminKey.key), bigkey: withKey(server.url, bigKey.key),
            page: withWriteKey(server.url, pageKey.key_text), nobody: new Person(server.url),
        },
    };
}

/* who, path, body (absent: GET), status, code. A narrow one learns nothing by the difference of 403 and 404: what is out of
   reach is not there. */
const attacks = ({ it, who, pageKey }) => {
    const { ids, place } = who;
    const far = `/api/customers/${it.far}`, near = `/api/customers/${it.near}`, unknown = [404, "customer.unknown"];
    const narrow = (name) => [
        [name, far, undefined, ...unknown],
        [name, `/api/customers/${it.merged}`, undefined, ...unknown],
        [name, `${far}/card`, undefined, ...unknown],
        [name, `${far}/timeline`, undefined, ...unknown],
        [name, `${far}/orders`, undefined, ...unknown],
        [name, `${far}/notes`, undefined, ...unknown],
        [name, `${far}/owner`, undefined, ...unknown],
        [name, `${far}/relations`, undefined, ...unknown],
        [name, `${far}/consents`, undefined, ...unknown],
        [name, `${far}/merges`, undefined, ...unknown],
        [name, `/api/orders/${it.far_order}`, undefined, 404, "order.unknown"],
        [name, `${far}/reveal`, {}, ...unknown],
        [name, `/api/customers/${it.merged}/reveal`, {}, ...unknown],
        [name, `${far}/edit`, { region: "x" }, ...unknown],
        [name, `${far}/tags`, { tag_id: it.tag, is_on: true }, ...unknown],
        [name, `${far}/block`, { is_blocked: true, reason: "x" }, ...unknown],
        [name, `${far}/notes`, { text: "x" }, ...unknown],
        [name, `/api/notes/${it.note}/edit`, { text: "x" }, 404, "note.unknown"],
        [name, `/api/notes/${it.note}/delete`, {}, 404, "note.unknown"],
        [name, `/api/children/${it.child}/edit`, { name: "x" }, 404, "child.unknown"],
        [name, `/api/children/${it.child}/delete`, {}, 404, "child.unknown"],
        [name, `/api/consents/${it.consent}/withdraw`, { source: "store" }, 404, "consent.unknown"],
        [name, `${far}/consents`, { consent_text_id: it.text, source: "store" }, ...unknown],
        [name, `${far}/relations`, { source: "scan" }, ...unknown],
        [name, `${near}/edit`, { phone: FAR_PHONE }, 409, "customer.exists"],
        [name, "/api/customers", { name: "Mine", phone: FAR_PHONE }, 409, "customer.exists"],
        [name, "/api/customers", { name: "Mine", owner_staff_id: ids.guide }, 400, "input.unknown"],
        [name, `${near}/edit`, { merged_into_id: it.far }, 400, "input.unknown"],
        [name, `${near}/edit`, { org_id: place.b, owner_staff_id: ids.other }, 400, "input.unknown"],
        [name, `/api/tags/${it.tag}/delete`, { customer_count: 9 }, 403, "gate.scope"],
    ];
    return [
        ...narrow("guide"),
        ...narrow("manager"),
        // a guide, upwards
        ["guide", `${near}/owner`, { staff_id: ids.other, reason: "x" }, 403, "gate.permission"],
        ["guide", `${near}/merge`, { other_customer_id: it.near2 }, 403, "gate.permission"],
        ["guide", `${near}/relations`, { staff_id: ids.other, source: "scan" }, 403, "relation.not_yours"],
        ["guide", `${near}/relations/${ids.other}/lost`, {}, 403, "relation.not_yours"],
        ["guide", `${near}/privacy/export`, { reason: "x" }, 403, "gate.permission"],
        ["guide", "/api/staff", undefined, 403, "gate.permission"],
        ["guide", "/api/audit", undefined, 403, "gate.permission"],
        ["guide", "/api/overview", undefined, 403, "gate.permission"],
        ["guide", "/api/segments", undefined, 403, "gate.scope"],
        ["manager", "/api/segments", undefined, 403, "gate.scope"],
        ["manager", "/api/segments/1", undefined, 403, "gate.scope"],
        // a store manager, into another store
        ["manager", `${near}/merge`, { other_customer_id: it.far }, ...unknown],
        ["manager", `${far}/merge`, { other_customer_id: it.near }, ...unknown],
        ["manager", `${near}/merge?other_customer_id=${it.far}`, undefined, ...unknown],
        ["manager", `/api/merges/${it.merge}/undo`, {}, 404, "merge.unknown"],
        ["manager", "/api/duplicates/dismiss", { customer_id: it.near, other_customer_id: it.far }, ...unknown],
        ["manager", "/api/duplicates/find", {}, 403, "gate.scope"],
        ["manager", `${near}/owner`, { staff_id: ids.other, reason: "x" }, 404, "owner.staff"],
        ["manager", `${near}/owner`, { org_id: place.b, reason: "x" }, 404, "owner.org"],
        ["manager", `${far}/owner`, { staff_id: ids.guide, reason: "x" }, ...unknown],
        ["manager", `${near}/relations`, { staff_id: ids.other, source: "scan" }, 404, "relation.staff"],
        ["manager", `${far}/privacy/export`, { reason: "x" }, ...unknown],
        ["manager", `${far}/privacy/delete`, { reason: "x", confirm_number: 1 }, ...unknown],
        ["manager", "/api/privacy/requests", undefined, 403, "gate.scope"],
        ["manager", `/api/orders/${it.far_order}/refund`, { refund_no: "1", amount_fen: 1 }, 404, "order.unknown"],
        ["manager", `/api/orders/${it.far_order}/cancel`, {}, 404, "order.unknown"],
        ["manager", "/api/orders", { ...it.order, order_no: "M1" }, ...unknown],
        ["manager", "/api/orders", { ...it.order, customer_id: it.near }, 409, "order.differs"],
        ["manager", "/api/orders", { ...it.order, customer_id: undefined, order_no: "M2",
            customer: { kind: "phone", value: FAR_PHONE } }, ...unknown],
        ["manager", `/api/jobs/${it.export.job_id}`, undefined, 404, "job.unknown"],
        ["manager", `/api/jobs/${it.export.job_id}/cancel`, {}, 404, "job.unknown"],
        ["manager", `/api/jobs/${it.export.job_id}/undo`, {}, 404, "job.unknown"],
        ["manager", `/api/jobs/${it.export.job_id}/file`, undefined, 404, "job.unknown"],
        ["manager", "/api/staff", undefined, 403, "gate.scope"],
        ["manager", `/api/staff/${ids.guide}/edit`, { role: "manager" }, 403, "gate.scope"],
        ["manager", `/api/staff/${ids.manager}/edit`, { is_without_org: true }, 403, "gate.scope"],
        ["manager", "/api/roles/manager/edit", { version_count: 1, scope: "all" }, 403, "gate.scope"],
        ["manager", "/api/audit", undefined, 403, "gate.scope"],
        ["manager", "/api/imports", undefined, 403, "gate.scope"],
        ["manager", "/api/settings", { name: "reveal_per_hour", value: 999, version_count: 0, reason: "x" }, 403, "gate.scope"],
        ["manager", `/api/channels/${it.channel}/edit`, { name: "x" }, 403, "gate.scope"],
        ["manager", `/api/keys/${it.admin_key}/revoke`, {}, 404, "key.unknown"],
        // many at once
        ["guide", "/api/customers/bulk", { action: "export", filter: {} }, 403, "gate.permission"],
        ["guide", "/api/customers/bulk", { action: "assign", staff_id: ids.guide, reason: "x", filter: {} }, 403, "gate.permission"],
        ["guide", "/api/customers/bulk", { action: "tag_on", tag_id: it.tag, ids: [{ id: it.far }] }, 409, "bulk.nobody"],
        ["manager", "/api/customers/bulk", { action: "tag_on", tag_id: it.tag, ids: [{ id: it.far }, { id: it.merged }] },
            409, "bulk.nobody"],
        ["manager", "/api/customers/bulk", { action: "export", is_clear: true, ids: [{ id: it.far }] }, 409, "bulk.nobody"],
        ["manager", "/api/customers/bulk", { action: "export", filter: { owner_id: ids.other } }, 409, "bulk.nobody"],
        ["manager", "/api/customers/bulk", { action: "export", filter: { search: FAR_PHONE } }, 409, "bulk.nobody"],
        ["viewer", "/api/customers/bulk", { action: "export", filter: {} }, 403, "gate.permission"],
        ["bigkey", "/api/customers/bulk", { action: "export", is_clear: true, ids: [{ id: it.near }] }, 403, "job.key"],
        ["guide", `/api/views/${it.view}/edit`, { name: "x", ask: {}, is_shared: true }, 404, "view.unknown"],
        ["guide", `/api/views/${it.view}/delete`, {}, 404, "view.unknown"],
        ["guide", "/api/views", { name: "x", ask: {}, is_shared: true, staff_id: ids.admin }, 400, "input.unknown"],
        // who looks after accounts, upwards
        ["helpdesk", `/api/staff/${ids.admin}/password`, {}, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.viewer}/password`, {}, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.admin}/totp/reset`, {}, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.admin}/edit`, { is_active: false }, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.admin}/sessions`, undefined, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.admin}/sessions/revoke_all`, {}, 403, "staff.beyond"],
        ["helpdesk", `/api/staff/${ids.helpdesk}/sessions/${it.admin_session}/revoke`, {}, 404, "session.unknown"],
        ["helpdesk", `/api/me/sessions/${it.admin_session}/revoke`, {}, 404, "session.unknown"],
        ["helpdesk", `/api/staff/${ids.helpdesk}/edit`, { role: "admin" }, 403, "staff.self"],
        ["helpdesk", `/api/staff/${ids.helpdesk}/password`, {}, 403, "staff.self"],
        ["helpdesk", `/api/staff/${ids.helpdesk}/totp/reset`, {}, 403, "staff.self"],
        ["helpdesk", "/api/staff", { login: "eve", name: "Eve", role: "admin", password }, 403, "role.beyond"],
        ["helpdesk", "/api/roles", { name: "eve", title: "e", permissions: "customer.delete", scope: "all" }, 403, "role.beyond"],
        ["helpdesk", "/api/roles", { name: "eve", title: "e", permissions: "*", scope: "all" }, 400, "role.right"],
        ["helpdesk", "/api/roles/admin/edit", { version_count: 1, permissions: "customer.read" }, 403, "role.admin"],
        ["helpdesk", "/api/roles/guide/edit", { version_count: 1, scope: "all" }, 403, "role.beyond"],
        ["helpdesk", "/api/roles/helpdesk/edit", { version_count: 1, permissions: `${HELPDESK_RIGHTS} customer.reveal` },
            403, "role.beyond"],
        ["helpdesk", "/api/keys", { name: "k", permissions: "customer.reveal", expires_days: 1 }, 403, "key.beyond"],
        ["helpdesk", `/api/keys/${it.admin_key}/revoke`, {}, 403, "staff.beyond"],
        // a viewer
        ["viewer", `${far}/reveal`, {}, 403, "gate.permission"],
        ["viewer", `${far}/notes`, undefined, 403, "gate.permission"],
        ["viewer", `${far}/tags`, { tag_id: it.tag, is_on: true }, 403, "gate.permission"],
        ["viewer", `/api/jobs/${it.export.job_id}/file`, undefined, 404, "job.unknown"],
        ["viewer", "/api/imports/1/rejects", {}, 403, "gate.permission"],
        ["viewer", "/api/imports/..%2F..%2Fpapilio.key/preview", { kind: "customers" }, 403, "gate.permission"],
        ["manager", "/api/jobs/..%2Fpapilio.key/file", undefined, 400, "input.type"],
        // a key of the admin's with one right
        ["key", far, undefined, 403, "gate.permission"],
        ["key", `${far}/reveal`, {}, 403, "gate.permission"],
        ["key", "/api/staff", undefined, 403, "gate.permission"],
        ["key", "/api/keys", { name: "k", permissions: "order.read", expires_days: 1 }, 403, "gate.session"],
        ["key", "/api/me/password", { old_password: password, new_password: "another long one" }, 403, "gate.session"],
        ["key", `/api/jobs/${it.export.job_id}/file`, undefined, 403, "gate.session"],
        ["key", "/api/orders", { ...it.order, order_no: "K1" }, 403, "gate.permission"],
        // a key with nearly all: no way from it to an account
        ["bigkey", "/api/staff", { login: "eve", name: "Eve", role: "guide", password }, 403, "gate.session"],
        ["bigkey", `/api/staff/${ids.guide}/password`, {}, 403, "gate.session"],
        ["bigkey", "/api/roles", { name: "eve", title: "e", permissions: "", scope: "all" }, 403, "gate.session"],
        ["bigkey", `${near}/privacy/export`, { reason: "x" }, 403, "job.key"],
        ["bigkey", "/api/duplicates/find", {}, 403, "job.key"],
        // with a page's public key, and as nobody
        ["page", far, undefined, 401, "gate.sign_in"],
        ["page", "/api/customers", { name: "x" }, 401, "gate.sign_in"],
        ["page", "/api/orders", it.order, 401, "gate.sign_in"],
        ["nobody", far, undefined, 401, "gate.sign_in"],
        ["nobody", "/api/live", undefined, 401, "gate.sign_in"],
        ["nobody", `${far}/reveal`, {}, 401, "gate.sign_in"],
        ["nobody", "/api/link", { token: "x".repeat(43), password }, 403, "link.gone"],
        ["nobody", "/api/setup", { token: "x", login: "eve", name: "Eve", password, brand_name: "x", zone: "Asia/Shanghai",
            currency: "CNY" }, 403, "setup.link"],
        ["nobody", "/api/v1/events", { message_id: "n", kind: "page_viewed", anonymous_id: "a" }, 401, "gate.sign_in"],
        ["nobody", `/api/customers?key=${pageKey.key_text}`, undefined, 401, "gate.sign_in"],
        ["nobody", "/local/check", undefined, 403, "gate.local"],
    ];
};

const lastAudit = async (admin) => (await sure(admin.ask("/api/audit?limit=1"))).items[0].id;

// What the victims look like.
async function picture(admin, it) {
    const far = `/api/customers/${it.far}`;
    const paths = [far, `${far}/card`, `${far}/timeline`, `${far}/orders`, `${far}/notes`, `${far}/owner`, `${far}/relations`,
        `${far}/consents`, `${far}/merges`, `/api/orders/${it.far_order}`, `/api/customers/${it.near}`,
        `/api/customers/${it.near}/owner`, "/api/roles", "/api/keys", "/api/settings", "/api/channels", "/api/tags"];
    const answers = await Promise.all(paths.map((path) => sure(admin.ask(path))));
    const staff = (await sure(admin.ask("/api/staff"))).items.map(({ id, role, org_id, is_active }) =>
        ({ id, role, org_id, is_active }));
    const seen = answers.map((answer) => JSON.stringify(answer).replace(/"used_ms":[^,}]*/g, ""));
    return [...seen, JSON.stringify(staff)];
}

test("attacks on rights", async (t) => {
    const scenery = await scene(t);

    await t.test("attacks on rights change nothing and tell nothing", async () => {
        const all = scenery;
        const { admin, it, as } = all;
        const before = await picture(admin, it);
        const audit = await lastAudit(admin);
        const wrong = [];
        for (const [name, path, body, status, wanted] of attacks(all)) {
            const answer = await as[name].ask(path, body, body === undefined ? {} : once());
            const words = JSON.stringify(answer.json ?? "");
            const told = SECRETS.filter((secret) => words.includes(secret) && !JSON.stringify(body ?? "").includes(secret));
            if (words.includes(it.far) && !`${path} ${JSON.stringify(body ?? "")}`.includes(it.far))
                told.push("the far customer's id");
            if (answer.status !== status || code(answer) !== wanted || told.length > 0)
                wrong.push(`${name} ${path} ${JSON.stringify(body)}: ${answer.status} ${code(answer)} ${told}`);
        }
        assert.deepEqual(wrong, []);
        assert.equal(await lastAudit(admin), audit);
        assert.deepEqual(await picture(admin, it), before);
    });

    await t.test("lists, sums and search of the narrow hold nobody from elsewhere; nothing masked is found by its parts", async () => {
        const { as, it } = scenery;
        for (const name of ["guide", "manager"]) {
            const lists = ["/api/customers", `/api/customers?search=${FAR_PHONE}`, `/api/customers?search=${it.merged}`,
                "/api/customers?search=Zhao", "/api/customers?owner_id=" + it.far, "/api/jobs", "/api/owners", "/api/views"];
            for (const path of lists) {
                const words = JSON.stringify((await as[name].ask(path)).json);
                assert.ok(!words.includes(it.far) && !words.includes("Zhaoxia"), `${name} ${path}: ${words}`);
            }
            assert.equal((await sure(as[name].ask("/api/customers"))).total_count, 2);
        }
        for (const path of ["/api/duplicates", "/api/layers/customers"]) {
            const { status, json } = await as.manager.ask(path);
            assert.equal(status, 200);
            assert.ok(!JSON.stringify(json).includes(it.far));
        }
        const found = (person, text) => until(async () => {
            const list = await sure(person.ask(`/api/customers?search=${encodeURIComponent(text)}`));
            return list.is_search_ready && { count: list.items.length };
        }, "search is never ready").then(({ count }) => count);
        assert.equal(await found(as.other, "Zhao"), 2);
        for (const part of ["Zhao", "zhaoxia wu", "1371111", "1111222", "victim", "victim@far"])
            assert.equal(await found(as.viewer, part), 0, part);
        assert.equal(await found(as.viewer, FAR_PHONE), 1); // whoever knows it whole learns nothing new of it
        assert.equal(await found(as.viewer, "2222"), 1); // the mask shows it
        const seen = JSON.stringify((await as.viewer.ask("/api/customers")).json)
            + JSON.stringify((await as.viewer.ask(`/api/customers/${it.far}`)).json)
            + JSON.stringify((await as.viewer.ask(`/api/customers/${it.far}/card`)).json)
            + JSON.stringify((await as.viewer.ask(`/api/customers/${it.far}/relations`)).json)
            + JSON.stringify((await as.viewer.ask(`/api/customers/${it.far}/timeline`)).json)
            + JSON.stringify((await as.viewer.ask("/api/layers/customers")).json);
        for (const secret of [...SECRETS, "Kid"])
            assert.ok(!seen.includes(secret), secret);
    });

    await t.test("a page's public key does not tell whether two names are one person", async () => {
        const { as } = scenery;
        const ask = (message_id, inviter_value) => as.page.ask("/api/v1/events", {
            message_id, kind: "invite_accepted", customer: { kind: "phone", value: FAR_PHONE },
            properties: { inviter_kind: "email", inviter_value },
        });
        const same = [await ask("m1", FAR_EMAIL), await ask("m1", FAR_EMAIL)];
        const strange = [await ask("m2", "stranger@far.example"), await ask("m2", "stranger@far.example")];
        assert.deepEqual(same, strange);
    });

    await t.test("a link goes with its role, an answer with its session, a change without the token does nothing", async () => {
        const { server, admin, as, who, it } = scenery;
        await sure(admin.ask("/api/roles", { name: "small", title: "s", permissions: "customer.read", scope: "own" }));
        const invited = await sure(as.helpdesk.ask("/api/staff", { login: "new", name: "New", role: "small" }));
        await sure(admin.ask(`/api/staff/${invited.id}/edit`, { role: "admin" }));
        assert.equal(code(await as.nobody.ask("/api/link", { token: invited.link_token, password })), "link.gone");

        const again = { "Idempotency-Key": "the same" };
        const first = await sure(as.guide.ask(`/api/customers/${it.near}/notes`, { text: "mine" }, again));
        const other = await as.manager.ask(`/api/customers/${it.near}/notes`, { text: "mine" }, again);
        assert.notEqual(other.json.id, first.id);
        await sure(admin.ask("/api/roles/guide/edit", { version_count: 1, permissions: "customer.read" }));
        assert.equal(code(await as.guide.ask(`/api/customers/${it.near}/notes`, { text: "mine" }, again)), "gate.permission");

        for (const path of [`/api/customers/${it.near}/reveal`, "/api/keys", `/api/staff/${who.ids.viewer}/password`, "/api/link",
            "/api/roles", "/api/me/totp/begin", "/api/logout", "/api/v1/events"]) {
            const reply = await fetch(server.url + path, { method: "POST", body: "{}", headers: { Cookie: admin.cookie } });
            assert.equal((await reply.json()).error.code, "gate.csrf", path);
        }
        const planted = await fetch(`${server.url}/api/login`, {
            method: "POST", body: JSON.stringify({ login: "viewer", password }),
            headers: { Cookie: `papilio_session=${"A".repeat(43)}` },
        });
        assert.match(planted.headers.get("set-cookie"), /^papilio_session=(?!A{43})[^;]+; Path=\/; HttpOnly; SameSite=Lax/);
        assert.equal((await fetch(`${server.url}/api/me`, { headers: { Cookie: `papilio_session=${"A".repeat(43)}` } })).status, 401);
    });

    await t.test("a job and its file go as far as the rights of who began it, now", async () => {
        const { server, admin, as, who, it } = scenery;
        const ended = (person, job) => until(async () => {
            const { json } = await person.ask(`/api/jobs/${job}`);
            return ["done", "failed"].includes(json.status) && json;
        }, "the job does not end");
        const away = await sure(as.manager.ask("/api/customers/bulk",
            { action: "assign", staff_id: who.ids.other, reason: "x", ids: [{ id: it.near }] }));
        assert.equal((await ended(as.manager, away.job_id)).error_code, "owner.staff");
        assert.equal((await sure(admin.ask(`/api/customers/${it.near}/card`))).owner_staff_id, who.ids.guide);

        const rights = "customer.read customer.export customer.reveal";
        await sure(admin.ask("/api/roles", { name: "exporter", title: "e", permissions: rights, scope: "all" }));
        await sure(admin.ask("/api/staff", { login: "exporter", name: "E", role: "exporter", password }));
        const exporter = await signIn(server.url, "exporter");
        const file = (job) => fetch(`${server.url}/api/jobs/${job}/file`, { headers: { Cookie: exporter.cookie } });
        const make = async (is_clear) => (await sure(exporter.ask("/api/customers/bulk",
            { action: "export", is_clear, columns: "name phone email", ids: [{ id: it.far }] }))).job_id;
        const [clear, masked] = [await make(true), await make(false)];
        for (const job of [clear, masked])
            assert.equal((await ended(exporter, job)).status, "done");
        assert.ok((await (await file(clear)).text()).includes(FAR_PHONE));
        const words = await (await file(masked)).text();
        assert.ok(words.includes("137****2222"), words);
        assert.deepEqual(SECRETS.filter((secret) => words.includes(secret)), []);

        await sure(admin.ask("/api/roles/exporter/edit",
            { version_count: 1, permissions: rights.replace(" customer.reveal", "") }));
        assert.equal((await (await file(clear)).json()).error.code, "job.file_of_another");
        assert.equal((await file(masked)).status, 200);
    });

    await t.test("what was made and what a link did stands in the audit trail by name", async () => {
        const { admin, as, who, it } = scenery;
        const link = await sure(admin.ask(`/api/staff/${who.ids.viewer}/password`, {}));
        await sure(as.nobody.ask("/api/link", { token: link.link_token, password: "another long password" }));
        const rows = (await sure(admin.ask("/api/audit?limit=100"))).items;
        const about = (action, noun, id) => rows.some((row) =>
            row.action === action && row.noun === noun && row.subject_id === id);
        assert.ok(about("POST /api/link", "staff", who.ids.viewer));
        assert.ok(about("POST /api/customers", "customer", it.far));
        assert.ok(about("POST /api/orders", "order", it.far_order));
        assert.ok(about("POST /api/channels", "channel", it.channel));
        assert.ok(about("POST /api/setup", "staff", who.ids.admin));
        assert.deepEqual(rows.filter((row) => row.noun === "").map((row) => row.action), []);
    });
});
