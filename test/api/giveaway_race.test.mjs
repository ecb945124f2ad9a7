// Many who want the same at once, on a real server: the first properties every play must have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connections, eachAtOnce, makeCustomers, makeGiveaway, send } from "./giveaway.mjs";
import { makeFolder, papilio, setUp, sqlNumber, startServer } from "./papilio.mjs";

const claims = 10_000, stock = 1_000, people = 1_000, limit = 10;

test("property 1: N claim a stock of T, min(N, T) win; property 2: one key, one posting", { timeout: 300_000 }, async (t) => {
    const folder = makeFolder(t);
    const server = await startServer(t, folder);
    const person = await setUp(server);
    const customers = await makeCustomers(person, people);
    const rules = { stock_count: stock, day_limit_count: limit, points_count: 7 };
    const campaign = await makeGiveaway(person, rules), other = await makeGiveaway(person, rules);
    const path = (id) => `/api/giveaways/${id}/claims`;
    const won = [], refused = new Map();
    let longest = 0;

    const from = performance.now();
    await eachAtOnce(claims, async (i) => {
        const began = performance.now();
        const { status, json } = await send(person, path(campaign), { customer_id: customers[i % people] }, `claim ${i}`);
        longest = Math.max(longest, performance.now() - began);
        if (status === 200)
            won.push(json.reward_id);
        else
            refused.set(json.error?.code ?? status, (refused.get(json.error?.code ?? status) ?? 0) + 1);
    });
    const seconds = (performance.now() - from) / 1000;
    t.diagnostic(`${claims} claims over ${connections} connections: ${Math.round(claims / seconds)}/s, ` +
        `the longest waited ${Math.round(longest)} ms`);
    assert.equal(won.length, stock, JSON.stringify([...refused]));
    assert.equal(new Set(won).size, stock);
    assert.deepEqual([...refused], [["giveaway.out_of_stock", claims - stock]]);

    const same = await Promise.all(Array.from({ length: 100 },
        () => send(person, path(other), { customer_id: customers[0] }, "the same")));
    assert.deepEqual(new Set(same.map(({ status, json }) => `${status} ${json.reward_id}`)).size, 1);

    await eachAtOnce(100, async (i) => {
        const { status } = await send(person, path(other), { customer_id: customers[1] }, `limit ${i}`);
        assert.ok(status === 200 || status === 409);
    });
    assert.deepEqual(await server.kill(), { code: 0, signal: null });
    assert.equal(sqlNumber(folder, `SELECT count(*) FROM reward_grant WHERE campaign_id = ${campaign}`), stock);
    assert.equal(sqlNumber(folder, `SELECT sum(balance_count) FROM account WHERE owner_kind = 'customer' AND unit = 'points'`),
        7 * (stock + 1 + limit));
    assert.equal(sqlNumber(folder, `SELECT count(*) FROM reward_grant WHERE campaign_id = ${other} AND customer_id = ${customers[0]}`), 1);
    assert.equal(sqlNumber(folder, `SELECT count(*) FROM reward_grant WHERE campaign_id = ${other} AND customer_id = ${customers[1]}`), limit);
    const check = papilio(["check", "--data", folder]);
    assert.equal(check.code, 0, check.out + check.err);
});
