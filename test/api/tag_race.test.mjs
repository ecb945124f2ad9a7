// Two colleagues put different tags of one exclusive group on the same customer at the same time: one of them stays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, Person, startServer } from "./papilio.mjs";

test("of an exclusive group a customer has one tag, however many race", async (t) => {
    const server = await startServer(t, makeFolder(t));
    const admin = new Person(server.url);
    const good = async (path, body) => {
        const { status, json } = await admin.ask(path, body);
        assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
        return json;
    };
    await good("/api/setup", {
        token: server.setup, login: "admin", name: "蝶", password: "correct horse battery", brand_name: "蝶域",
        zone: "Asia/Shanghai", currency: "CNY",
    });
    const group_id = (await good("/api/tag-groups", { family: "spending", name: "价格带", is_exclusive: true })).id;
    const tags = [];
    for (let i = 0; i < 10; i++)
        tags.push((await good("/api/tags", { family: "spending", name: `第 ${i} 档`, color: "#2563eb", group_id })).id);
    const { id } = await good("/api/customers", { name: "王小明" });
    for (let round = 0; round < 5; round++) {
        const answers = await Promise.all(tags.map((tag_id) => admin.ask(`/api/customers/${id}/tags`, { tag_id, is_on: true })));
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
        const on = (await good(`/api/customers/${id}`)).tags;
        assert.equal(on.length, 1, JSON.stringify(on));
    }
    const { items } = await good(`/api/customers/${id}/timeline?group=tag&limit=100`);
    const count = (kind) => items.filter((item) => item.kind === kind).length;
    assert.equal(count("tag_added") - count("tag_removed"), 1);
});
