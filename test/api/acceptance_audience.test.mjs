// The audience engine as docs/query.md promises it, over HTTP: small worlds written by hand, and what each kind of question
// must answer, worked out by hand. Nothing here knows how the engine computes; days stand as local times, people as names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isEngineBusy, makeFolder, setUp, startServer, until } from "./papilio.mjs";

const SECOND = 1000, DAY = 86_400_000;

// One brand: customers by name, what they did, and questions about them.
async function open(t, brand) {
    const server = await startServer(t, makeFolder(t)), person = await setUp(server, brand);
    const ids = {};
    let number = 0;
    const ask = (path, body, headers) => person.ask(path, body, headers);
    const must = async (path, body, headers) => {
        const { status, json } = await ask(path, body, headers);
        assert.equal(status, 200, `${path} ${JSON.stringify(body)} ${JSON.stringify(json)}`);
        return json;
    };
    const ref = (name) => ({ kind: "member_no", value: name });
    const namesOf = (json) => json.items.map((one) => one.name).sort().join(" ");
    const world = {
        ids, ask, must, ref,
        async customer(name, more = {}) {
            ids[name] = (await must("/api/customers", { name, identities: [ref(name)], ...more })).id;
        },
        order: (name, ms, fen, channel_id) => must("/api/orders", {
            source: "shop", order_no: `o${++number}`, placed_ms: ms, customer: ref(name), channel_id,
            lines: [{ product_code: "p", quantity_count: 1, unit_price_micro: fen * 10_000 }],
        }, { "Idempotency-Key": `o${number}` }),
        async events(list) { // [name, ms, kind, properties, channel code]
            const events = list.map(([name, ms, kind, properties, channel_code]) =>
                ({ message_id: `m${++number}`, kind, occurred_ms: ms, customer: ref(name), properties, channel_code }));
            assert.deepEqual(await must("/api/v1/events", { events }), { accepted_count: events.length, duplicate_count: 0, rejected: [] });
            assert.equal((await must("/api/v1/events", { events })).duplicate_count, events.length);
        },
        names: async (who) => namesOf(await must(`/api/customers?limit=100&who=${encodeURIComponent(JSON.stringify(who))}`)),
        members: async (id) => namesOf(await must(`/api/customers?limit=100&segment_id=${id}`)),
        query: (query) => must("/api/audience/query", { query: { version: 1, ...query } }),
        rows: async (query) => (await world.query(query)).rows,
        segment: async (name, who, more = {}) =>
            (await must("/api/segments", { name, definition: { version: 1, ask: "segment", who }, ...more })).id,
        async until(id, expected) {
            let now;
            await until(async () => (now = await world.members(id)) === expected && (await must(`/api/segments/${id}`)).one.state === "live",
                () => `${id} has "${now}", not "${expected}"`);
        },
    };
    return world;
}

/* ---- one world in Shanghai -------------------------------------------------------------------- */

const shanghai = (local) => Date.parse(`${local.replace(" ", "T")}+08:00`);
const kinds = { P: "page_viewed", V: "product_viewed", C: "added_to_cart", L: "link_clicked", O: "order_paid" };
const is = (letter) => ({ kind: kinds[letter] });
// [days ago or local time, letter, properties or an order's fen, channel]; of one second the first written came first. Days ago are whole:
// parts of a day would be another day for some hours of each.
const people = {
    anna: [["2026-01-05 10:30:00", "O", 10000, "shop"], ["2026-01-05 10:00:00", "V", {}, "web"], ["2026-01-05 10:10:00", "C", { quantity_count: 2 }, "web"],
        ["2026-02-10 09:00:00", "O", 25000, "web"], [3, "P", { url: "/a" }], [3, "P", { url: "/b" }], [1, "P", { url: "/a" }]],
    boris: [["2026-01-31 23:59:59", "O", 5000, "shop"], ["2026-02-01 00:00:00", "V"], ["2026-01-05 10:00:00", "C"],
        [40, "P", { url: "/shop/x" }], [20, "P", { url: "/shop/y" }]],
    chen: [["2026-02-28 23:59:59", "O", 1, "web"], ["2026-03-01 00:00:00", "O", 300, "shop"], ["2026-02-01 00:00:00", "O", 7000, "web"]],
    dora: [["2026-01-10 12:00:00", "V"], ["2026-01-10 12:00:00", "C"], ["2026-01-17 12:00:00", "O", 9900, "web"], ["2026-01-17 12:00:01", "C"]],
    emil: [["2026-01-10 12:00:00", "C"], ["2026-01-10 12:00:00", "V"], ["2026-01-12 12:00:00", "L", { url: "/q" }], ["2026-01-13 12:00:00", "O", 9900, "web"]],
    fang: [[70, "P"], [65, "P"], [10, "P"]],
    gao: [],
    hana: [[100, "O", 4200, "shop"], [80, "P", { url: "/a" }], [79, "P", { url: "/a" }], [78, "P", { url: "/a" }]],
};

async function fill(world, channels) {
    const now = Date.now(), events = [];
    for (const code of ["shop", "web"])
        channels[code] = (await world.must("/api/channels", { code, name: code, kind: "site" })).id;
    await world.must("/api/attributes", { name: "likes", title: "Likes", kind: "choices", choices: ["tea", "wine", "rice"] });
    for (const name of Object.keys(people))
        await world.customer(name, name === "gao" ? { attributes: { likes: ["tea", "wine"] } } : name === "fang" ? { attributes: { likes: ["tea"] } } : {});
    for (const [name, list] of Object.entries(people))
        for (const [when, letter, what, channel] of list) {
            const ms = typeof when === "string" ? shanghai(when) : now - when * DAY;
            if (letter === "O")
                await world.order(name, ms, what, channels[channel]);
            else
                events.push([name, ms, kinds[letter], { ...what, ...("VC".includes(letter) && { product_code: "p" }) }, channel]);
        }
    await world.events(events);
}

const didO = { did: is("O") };
const within = (from, to) => ({ from, to });
const sum = (test) => ({ ...didO, measure: "sum", of: "amount", ...test });
const chain = (letters, within_seconds) => ({ sequence: [...letters].map(is), within_seconds });
const funnel = (letters, within_seconds, more) => ({ steps: [...letters].map(is), within_seconds, ...more });
const level = (letters, seconds, low, more) => ({ funnel: funnel(letters, seconds, more), level: [low, letters.length] });

const conditions = (channels) => [
    ["anna boris chen dora emil hana", didO],
    ["fang gao", { not: didO }],
    ["fang gao", { ...didO, below: 1 }],
    ["", { any: [] }],
    ["anna boris chen dora emil fang gao hana", { all: [] }],
    // Windows hold their beginning and not their end, to the second.
    ["anna boris dora emil", { did: { ...is("O"), within: within("2026-01-01", "2026-02-01") } }],
    ["anna chen", { did: { ...is("O"), within: within("2026-02-01", "2026-03-01") } }],
    ["anna", { did: { ...is("O"), within: within("2026-02-01 00:00:01", "2026-02-28 23:59:59") } }],
    ["chen hana", { did: { ...is("O"), within: { from: "2026-02-28 23:59:59" } } }],
    ["anna", { did: { ...is("P"), within: { last: { days: 7 } } } }],
    ["anna boris fang", { did: { ...is("P"), within: { last: { days: 30 } } } }],
    ["anna boris fang", { did: { ...is("P"), within: { last: { weeks: 10 } } }, at_least: 2 }],
    // Filters.
    ["chen", { did: { ...is("O"), channel: [channels.web] }, at_least: 2 }],
    ["anna boris chen hana", { did: { ...is("O"), channel: channels.shop } }],
    ["boris chen hana", { did: { ...is("O"), where: { property: "amount", between: [300, 9900] } } }],
    ["boris", { did: { ...is("P"), where: { property: "url", contains: "shop" } }, at_least: 2 }],
    ["anna boris fang", { did: { ...is("P"), where: { property: "url", is_not: "/a" } } }],
    ["fang", { did: { ...is("P"), where: { property: "url", exists: false } } }],
    ["anna", { did: { ...is("C"), where: [{ property: "quantity_count", at_least: 2 }] } }],
    // Measures.
    ["anna chen dora emil", sum({ between: [7301, 35001] })],
    ["fang gao", sum({ is: 0 })],
    ["chen", { ...didO, measure: "min", of: "amount", below: 4200 }],
    ["fang gao", { ...didO, measure: "max", of: "amount", exists: false }],
    ["anna boris", { did: is("P"), measure: "distinct", of: "url", is: 2 }],
    ["anna chen", { ...didO, measure: "distinct", of: "channel", is: 2 }],
    ["emil", { did: { kind: [..."OVCL"].map((letter) => kinds[letter]) }, measure: "distinct", of: "kind", is: 4 }],
    ["anna chen", { ...didO, measure: "first", of: "amount", is: [10000, 7000] }],
    ["anna chen", { ...didO, measure: "last", of: "amount", is: [25000, 300] }],
    ["anna emil", { ...didO, measure: "first", within: within("2026-01-01", "2026-01-17") }],
    ["boris dora emil", { ...didO, measure: "last", within: { to: "2026-02-01" } }],
    ["fang hana", { did: is("P"), measure: "days", at_least: 3 }],
    // Sequences: the time is counted from the first to the last; within a second, who came first is before.
    ["dora", chain("VC", 0)],
    ["emil", chain("CV", 0)],
    ["anna", chain("VCO", 1800)],
    ["", chain("VCO", 1799)],
    ["dora", chain("CC", 7 * 86_400 + 1)],
    ["", chain("CC", 7 * 86_400)],
    ["boris", chain("OV", 1)],
    ["anna emil", chain("VO", 7 * 86_400 - 1)],
    // Funnel positions.
    ["anna dora emil", level("VO", 7 * 86_400, 2)],
    ["anna dora", level("VO", 7 * 86_400, 2, { exclude: { events: is("L"), after: 1 } })],
    ["anna dora", level("CO", 7 * 86_400, 2, { order: "strict" })],
    ["anna emil", level("OCV", 4 * 86_400, 3, { order: "any" })],
    // First, stopped, again, regularly, purchases.
    ["chen", { first_time: { ...is("O"), within: within("2026-02-01", "2026-03-01") } }],
    ["hana", { stopped: { ...is("P"), within: { last: { days: 90 } } }, later: { last: { days: 30 } } }],
    ["anna fang", { restarted: { ...is("P"), within: { from: "2026-01-01" } }, later: within("2026-03-02", "2026-03-03"), again: { last: { days: 15 } } }],
    ["anna chen", { purchase: "repeat", ...is("O") }],
    ["boris dora emil hana", { purchase: "first", ...is("O") }],
    ["fang gao", { purchase: "never", ...is("O") }],
    // The fifths of six buyers are cut at ranks 2, 3, 4, 5 and 6.
    ["dora emil", { rfm: is("O"), of: "amount", r: 1 }],
    ["anna chen", { rfm: is("O"), of: "amount", f: [4, 5] }],
    ["anna", { rfm: is("O"), of: "amount", m: [4, 5] }],
    // Attributes.
    ["anna chen", { attribute: "order_count", at_least: 2 }],
    ["boris", { attribute: "first_order_day", is: "2026-01-31" }],
    ["anna", { attribute: "last_order_day", within: within("2026-02-01", "2026-03-01") }],
    ["gao", { attribute: "likes", has_all: ["wine", "tea"] }],
    ["fang gao", { attribute: "likes", is: "tea" }],
    ["anna boris chen dora emil fang hana", { attribute: "likes", is_not: "wine" }],
    // Nested.
    ["chen dora emil fang", { all: [{ any: [didO, { did: is("P") }] }, { not: { all: [didO, { did: is("P") }] } }] }],
];

// Whom a row counts is in its cell, and nobody else.
async function assertCells(world, question, keys, people_at) {
    const { columns, rows } = await world.query(question);
    assert.ok(rows.length > 0);
    for (const row of rows) {
        const cell = Object.fromEntries(keys.map((key) => [key, row[columns.indexOf(key)]]));
        const { member_count } = await world.query({ ask: "segment", who: { answer: question, cell } });
        assert.equal(member_count, row[columns.indexOf(people_at)], `${JSON.stringify(question)} ${JSON.stringify(row)}`);
    }
}

test("a world in Shanghai: conditions, answers and their cells", async (t) => {
    const world = await open(t), channels = {};
    await fill(world, channels);
    const month = (local) => shanghai(`${local}-01 00:00:00`);

    await t.test("conditions", async () => {
        for (const [expected, who] of conditions(channels)) {
            assert.equal(await world.names(who), expected, JSON.stringify(who));
            assert.equal((await world.query({ ask: "segment", who })).member_count, expected.split(" ").filter(Boolean).length);
        }
    });

    await t.test("a lot is the same for ever, and everybody is in one", async () => {
        const lots = [[0, 300_000], [300_000, 1_000_000]].map(([from, to]) => ({ bucket: { salt: "spring", from, to } }));
        const [few, many] = [await world.names(lots[0]), await world.names(lots[1])];
        assert.deepEqual(`${few} ${many}`.split(" ").filter(Boolean).sort(), Object.keys(people));
        assert.equal(await world.names({ not: lots[0] }), many);
    });

    await t.test("funnels", async () => {
        const question = { ask: "funnel", funnel: funnel("VCO", 7 * 86_400) };
        // Anna 10 minutes and half an hour, Dora none and a week.
        assert.deepEqual(await world.rows(question), [[0, 6, null, null], [1, 4, null, null], [2, 2, 0, 300], [3, 2, 1800, 303_300]]);
        await assertCells(world, question, ["level"], "people");
        // By where the chain began; Boris, Dora and Emil looked in no channel, Chen and Hana never did.
        const by = { ...question, by: "channel" };
        assert.deepEqual((await world.rows(by)).map(([group, reached, count]) => [Object.keys(channels).find((name) => channels[name] === group) ?? group, reached, count]),
            [["", 0, 3], ["", 1, 3], ["", 2, 1], ["", 3, 1], ["shop", 0, 1], ["shop", 1, 0], ["shop", 2, 0], ["shop", 3, 0], ["web", 0, 2], ["web", 1, 1], ["web", 2, 1], ["web", 3, 1]]);
        await assertCells(world, by, ["group", "level"], "people");
    });

    await t.test("retention", async () => {
        const question = { ask: "retention", start: is("O"), back: is("O"), units: "month", count: 100, cohort: "first" };
        const cohort = async (more, local, units) => (await world.rows({ ...question, ...more }))
            .filter(([from, , unit]) => from === month(local) && unit < units).map(([, size, , people, over]) => [size, people, over]);
        assert.deepEqual(await cohort({}, "2026-01", 3), [[4, 4, 1], [4, 1, 1], [4, 0, 1]]);
        assert.deepEqual(await cohort({}, "2026-02", 3), [[1, 1, 1], [1, 1, 1], [1, 0, 1]]);
        assert.deepEqual(await cohort({ cohort: "every" }, "2026-02", 2), [[2, 2, 1], [2, 1, 1]]);
        assert.deepEqual(await cohort({ or_after: true }, "2026-01", 3), [[4, 4, 1], [4, 1, 1], [4, 0, 1]]);
        assert.deepEqual(await world.names({ answer: question, cell: { cohort_ms: month("2026-01"), unit: 1 } }), "anna");
        assert.deepEqual(await world.names({ answer: question, cell: { cohort_ms: month("2026-01") } }), "anna boris dora emil");
    });

    await t.test("paths", async () => {
        const question = { ask: "paths", events: { kind: ["product_viewed", "added_to_cart", "order_paid", "link_clicked"] }, gap_seconds: 0, steps: 0 };
        const counts = async (more) => Object.fromEntries((await world.rows({ ...question, ...more }))
            .map(([position, from, to, count]) => [`${position} ${from} ${to}`, count]));
        assert.deepEqual(await counts({}), {
            "0 added_to_cart order_paid": 3, "0 order_paid order_paid": 3, "0 product_viewed added_to_cart": 2, "0 link_clicked order_paid": 1,
            "0 product_viewed link_clicked": 1, "0 added_to_cart product_viewed": 1, "0 order_paid product_viewed": 1, "0 order_paid added_to_cart": 1,
        });
        // A session ends where half an hour has passed: Anna's order is 20 minutes behind her cart.
        assert.deepEqual(await counts({ gap_seconds: 1800, steps: 5 }), {
            "1 product_viewed added_to_cart": 2, "1 added_to_cart product_viewed": 1, "1 order_paid product_viewed": 1, "1 order_paid added_to_cart": 1,
            "1 order_paid order_paid": 1, "2 added_to_cart order_paid": 1,
        });
        assert.equal(await world.names({ answer: question, cell: { from: "added_to_cart", to: "order_paid" } }), "anna boris dora");
    });

    await t.test("breakdowns and trends", async () => {
        assert.deepEqual(await world.rows({ ask: "breakdown", events: is("O"), by: "channel", of: "amount" }),
            [[channels.shop, 4, 4, 19500], [channels.web, 4, 5, 51801]].sort());
        const days = { ask: "breakdown", events: is("O"), by: "day", of: "amount", order: "sum", limit: 2 };
        assert.deepEqual(await world.rows(days), [["2026-02-10", 1, 1, 25000], ["2026-01-05", 1, 1, 10000], [null, 7, 7, 36301]]); // Chen on three days
        assert.equal(await world.names({ answer: days, cell: { group: null } }), "boris chen dora emil hana");
        const months = { ask: "trend", events: { ...is("O"), within: within("2026-01-01", "2026-04-01") }, units: "month", of: "amount" };
        assert.deepEqual(await world.rows(months), [[month("2026-01"), 4, 4, 34800], [month("2026-02"), 2, 3, 32001], [month("2026-03"), 1, 1, 300]]);
        await assertCells(world, months, ["from_ms"], "people");
        await assertCells(world, { ...months, by: "channel" }, ["from_ms", "group"], "people");
    });

    await t.test("RFM, intervals, flows", async () => {
        const rfm = { ask: "rfm", events: is("O"), of: "amount" };
        assert.deepEqual(await world.rows(rfm), [[1, 1, 3, 2, 19800], [2, 1, 1, 1, 5000], [3, 4, 5, 1, 35000], [4, 5, 2, 1, 7301], [5, 1, 1, 1, 4200]]);
        await assertCells(world, rfm, ["r", "f", "m"], "people");
        assert.deepEqual(await world.rows({ ask: "interval", events: is("O"), pairs: "all" }), [[0, 1], [27, 1], [35, 1]]);
        assert.deepEqual(await world.rows({ ask: "interval", events: is("O"), pairs: "first" }), [[27, 1], [35, 1]]);
        const flow = { ask: "flow", within: within("2026-01-10", "2026-02-05"), stages: [{ name: "cart", who: { did: is("C") } }, { name: "buyer", who: didO }] };
        assert.deepEqual(await world.rows(flow), [[0, 0, 3], [0, 2, 3], [1, 2, 1], [2, 2, 1]]);
        await assertCells(world, flow, ["from", "to"], "people");
    });

    await t.test("counts, overlap and the table as a file", async () => {
        const segment = (who) => ({ version: 1, ask: "segment", who });
        assert.equal((await world.must("/api/audience/count", { query: segment(didO), curve_days: 3 })).member_count, 6);
        const { counts } = await world.must("/api/audience/overlap", { queries: [didO, { did: is("P") }, { did: is("V") }].map(segment) });
        assert.deepEqual(Object.fromEntries(counts.map((one) => [one.mask_number, one.member_count])), // buyers 1, pages 2, products 4
            { 1: 1, 2: 1, 3: 1, 4: 0, 5: 2, 6: 0, 7: 2 });
    });
});

/* ---- New York, open till four in the morning -------------------------------------------------- */

test("days of 23 and 25 hours, and days that begin at four", async (t) => {
    const world = await open(t, { zone: "America/New_York", currency: "USD" });
    const utc = (text) => Date.parse(`${text}Z`);
    await world.customer("ann");
    // 2025-11-02 has two hours called one o'clock, 2026-03-08 none called two. Each list: the last second of the day before, the
    // first, one before and one behind the change, the last, and the first of the next day.
    const autumn = ["2025-11-02T03:59:59", "2025-11-02T04:00:00", "2025-11-02T05:30:00", "2025-11-02T06:30:00", "2025-11-03T04:59:59", "2025-11-03T05:00:00"];
    const spring = ["2026-03-08T04:59:59", "2026-03-08T05:00:00", "2026-03-08T06:59:59", "2026-03-08T07:00:00", "2026-03-09T03:59:59", "2026-03-09T04:00:00"];
    await world.events([...autumn, ...spring].map((text) => ["ann", utc(text), "page_viewed"]));
    const views = async (zone, from, to) => (await world.rows({ zone, ask: "breakdown", by: "kind", events: { ...is("P"), within: { from, to } } }))[0]?.[2] ?? 0;
    const daily = async (zone) => Object.fromEntries((await world.rows({ zone, ask: "breakdown", by: "day", events: is("P") })).map(([day, , count]) => [day, count]));
    const own = [undefined, "America/New_York"];

    for (const zone of own) {
        assert.deepEqual(await daily(zone), { "2025-11-01": 1, "2025-11-02": 4, "2025-11-03": 1, "2026-03-07": 1, "2026-03-08": 4, "2026-03-09": 1 });
        assert.equal(await views(zone, "2025-11-02", "2025-11-03"), 4);
        assert.equal(await views(zone, "2025-11-02 01:30", "2025-11-03"), 3); // the earlier half past one
        assert.equal(await views(zone, "2026-03-08 02:30", "2026-03-09"), 2); // three o'clock
        assert.deepEqual((await world.rows({ zone, ask: "trend", units: "day", events: { ...is("P"), within: { to: "2026-01-01" } } })).map(([from, , count]) => [from, count]),
            [[utc("2025-11-01T04:00:00"), 1], [utc("2025-11-02T04:00:00"), 4], [utc("2025-11-03T05:00:00"), 1]]);
        assert.equal(await world.names({ did: is("P"), measure: "days", is: 6 }), "ann");
    }
    assert.deepEqual(await daily("UTC"), { "2025-11-02": 4, "2025-11-03": 2, "2026-03-08": 4, "2026-03-09": 2 });

    await world.must("/api/settings", { name: "day_start_minutes", value: 240, reason: "we close at four", version_count: 0 });
    for (const zone of own) {
        assert.deepEqual(await daily(zone), { "2025-11-01": 4, "2025-11-02": 2, "2026-03-07": 4, "2026-03-08": 2 });
        assert.equal(await views(zone, "2026-03-08", "2026-03-09"), 2); // a date alone is that day
        assert.equal(await views(zone, "2026-03-08 00:00", "2026-03-09 00:00"), 4); // a time is what the clock says
        assert.equal(await views(zone, "2025-11-01", "2025-11-02"), 4);
    }
    assert.deepEqual(await daily("UTC"), { "2025-11-01": 1, "2025-11-02": 3, "2025-11-03": 2, "2026-03-08": 5, "2026-03-09": 1 });
});

/* ---- records of one person -------------------------------------------------------------------- */

test("merging, taking that back, and deleting", async (t) => {
    const world = await open(t), now = Date.now(), ids = world.ids;
    for (const [name, region] of [["ann", "East"], ["bob", "East"], ["cid", "West"], ["dee", "West"]])
        await world.customer(name, { region });
    await world.order("ann", now - 6 * DAY, 1000);
    await world.order("bob", now - 2 * DAY, 500);
    await world.events([["ann", now - 5 * DAY, "page_viewed", { url: "/1" }], ["bob", now - 4 * DAY, "page_viewed", { url: "/2" }],
        ["bob", now - 4 * DAY, "product_viewed", { product_code: "p" }], ["cid", now - 3 * DAY, "page_viewed", { url: "/3" }]]);
    const tag = (await world.must("/api/tags", { family: "intent", name: "hot", color: "#ff0000" })).id;
    await world.must(`/api/customers/${ids.bob}/tags`, { tag_id: tag, is_on: true });
    const viewers = await world.segment("viewers", { did: is("P") });
    await world.until(viewers, "ann bob cid");
    const list = (await world.must(`/api/segments/${viewers}/snapshot`, { name: "that day" })).id;
    await world.until(list, "ann bob cid");

    const state = async () => {
        const [tagged, twice, urls, spent, between, listed, east] = await Promise.all([{ tag: [tag] }, { did: is("P"), at_least: 2 },
            { did: is("P"), measure: "distinct", of: "url", at_least: 2 }, sum({ at_least: 1500 }), chain("OVO", 4 * 86_400), { list: [list] },
            { attribute: "region", is: "East" }].map(world.names));
        return { tagged, twice, urls, spent, between, listed, east, views: (await world.rows({ ask: "breakdown", events: is("P"), by: "kind" }))[0].slice(1, 3) };
    };
    const apart = { tagged: "bob", twice: "", urls: "", spent: "", between: "", listed: "ann bob cid", east: "ann bob", views: [3, 3] };
    const one = { tagged: "ann", twice: "ann", urls: "ann", spent: "ann", between: "ann", listed: "ann cid", east: "ann", views: [2, 3] };
    const all = { tagged: "cid", twice: "cid", urls: "cid", spent: "cid", between: "cid", listed: "cid", east: "", views: [1, 3] };

    assert.deepEqual(await state(), apart);
    const first = await world.must(`/api/customers/${ids.ann}/merge`, { other_customer_id: ids.bob });
    assert.deepEqual(await state(), one);
    await world.until(viewers, "ann cid");
    const second = await world.must(`/api/customers/${ids.cid}/merge`, { other_customer_id: ids.ann });
    assert.deepEqual(await state(), all);
    await world.until(viewers, "cid");
    await world.must(`/api/merges/${second.id}/undo`, {});
    assert.deepEqual(await state(), one);
    await world.must(`/api/merges/${first.id}/undo`, {});
    assert.deepEqual(await state(), apart);
    await world.until(viewers, "ann bob cid");

    await world.must(`/api/customers/${ids.bob}/privacy/delete`, { reason: "she asked for it", confirm_number: 2 });
    assert.deepEqual(await state(), { ...apart, tagged: "", listed: "ann cid", east: "ann", views: [2, 2] });
    await world.until(viewers, "ann cid");
    await world.until(list, "ann cid");
    assert.equal((await world.ask("/api/audience/query", { query: { version: 1, ask: "timeline", person: 2 } })).status, 404);
    assert.equal((await world.ask("/api/audience/explain", { query: { version: 1, ask: "segment" }, customer_id: ids.bob })).status, 404);
});

/* ---- live ------------------------------------------------------------------------------------- */

test("live segments: in, out by time, late events, edits, why", async (t) => {
    const world = await open(t), ids = world.ids, now = () => Date.now();
    for (const name of ["ann", "bob", "cid"])
        await world.customer(name);
    const tag = (await world.must("/api/tags", { family: "intent", name: "hot", color: "#ff0000" })).id;
    const views = (last) => ({ did: { ...is("P"), within: { last } } }), lately = views({ seconds: 10 }); // time enough to be seen within, on a slow machine too
    const hot = await world.segment("two in ten seconds", { ...lately, at_least: 2 }, { tag_id: tag });
    const calm = await world.segment("none in ten seconds", { not: lately });
    const twice = await world.segment("two ever", { did: is("P"), at_least: 2 });
    const onHot = await world.segment("hot or bought", { any: [{ segment: [hot] }, didO] });
    const tagged = await world.segment("tagged", { tag: [tag] });
    await world.until(calm, "ann bob cid");

    const then = now(), second = then - then % SECOND;
    await world.events([["ann", then, "page_viewed"], ["ann", then, "page_viewed"], ["bob", then, "page_viewed"]]);
    assert.deepEqual(await world.must("/api/audience/explain", { query: { version: 1, ask: "segment", who: { ...views({ days: 1 }), at_least: 2 } }, customer_id: ids.ann }),
        { is_in: true, leaves: [{ path: "/who", is_true: true, since_ms: second, until_ms: second + DAY, measured_count: 2 }] });
    await world.until(twice, "ann");
    await world.until(hot, "");
    await world.until(onHot, "");
    await world.until(tagged, "");
    await world.until(calm, "ann bob cid");

    // Late ones count where the window holds them; elsewhere nobody comes and goes.
    await world.events([["cid", now() - 20 * DAY, "page_viewed"], ["cid", now() - 10 * DAY, "page_viewed"]]);
    await world.until(twice, "ann cid");
    const items = async (name) => (await world.must(`/api/customers/${ids[name]}/timeline?limit=100`)).items.filter((item) => item.kind.startsWith("segment_"));
    const facts = async (name) => (await items(name)).map((item) => `${item.kind.slice(8)} ${item.subject_id}`).sort();
    assert.ok((await items("ann")).find((item) => item.kind === "segment_left" && item.subject_id === hot).occurred_ms >= second + 10 * SECOND);
    assert.deepEqual(await facts("cid"), [`entered ${calm}`, `entered ${twice}`].sort());
    assert.deepEqual(await facts("ann"), [...[hot, onHot, tagged].flatMap((id) => [`entered ${id}`, `left ${id}`]),
        `entered ${calm}`, `entered ${calm}`, `left ${calm}`, `entered ${twice}`].sort());

    // Another definition: members are made anew, once.
    const edit = (id, version_number, who, more) => world.ask(`/api/segments/${id}/edit`,
        { version_number, name: "edited", definition: { version: 1, ask: "segment", who }, ...more });
    assert.equal((await edit(twice, 1, { did: is("P") })).status, 200);
    await world.until(twice, "ann bob cid");
    assert.equal((await edit(twice, 1, { did: is("P") })).json.error.code, "segment.changed");
    for (const who of [{ segment: [onHot] }, { not: { tag: [tag] } }, { tag: [tag] }]) // neither on itself nor on the tag it keeps
        assert.equal((await edit(hot, 1, who, { tag_id: tag })).json.error.code, "segment.circle");
    assert.equal((await world.ask(`/api/segments/${hot}/archive`, {})).json.error.code, "segment.used");

    // A cancelled order was paid; what customers are counted by is without it.
    const order = await world.order("bob", now() - 5 * SECOND, 100);
    const buyers = await world.segment("buyers", { attribute: "order_count", at_least: 1 });
    await world.until(buyers, "bob");
    await world.until(onHot, "bob");
    await world.must(`/api/orders/${order.id}/cancel`, {});
    await world.until(buyers, "");
    assert.equal(await world.names(didO), "bob");
    assert.equal(await world.names({ attribute: "paid_fen", at_least: 1 }), "");
});

/* ---- what is refused -------------------------------------------------------------------------- */

const nested = (form, depth) => form.repeat(depth) + '{"everyone":true}' + "}".repeat(depth);
const refusals = [ // [what `who` is, code, where]
    ['{"all":[{"everyone":true},{"did":{"kind":"flown"}}]}', "query.name", "query/who/all/1/did/kind"],
    ['{"everyone":true,"tag":["1"]}', "query.form", "query/who/tag"],
    ['{"not":{"tag":["77"]}}', "query.name", "query/who/not/tag/0"],
    ['{"tag":[7]}', "query.type", "query/who/tag/0"],
    ['{"did":{},"at_least":"3"}', "query.type", "query/who/at_least"],
    ['{"did":{},"at_least":1.5}', "query.type", "query/who/at_least"],
    ['{"did":{},"at_least":9223372036854775808}', "input.json"],
    ['{"did":{},"at_least":1e400}', "input.json"],
    ['{"did":{},"between":[5,5]}', "query.range", "query/who/between"],
    ['{"did":{},"measure":"sum","of":"url","at_least":1}', "query.type", "query/who/of"],
    ['{"did":{"within":{"last":{"days":1,"hours":1}}}}', "query.form", "query/who/did/within/last"],
    ['{"did":{"within":{"last":{"seconds":4294967296}}}}', "query.range", "query/who/did/within/last/seconds"],
    ['{"did":{"within":{"from":"2026-02-30"}}}', "query.form", "query/who/did/within/from"],
    ['{"did":{"within":{"from":"2026-02-02","to":"2026-02-01"}}}', "query.range", "query/who/did/within"],
    ['{"attribute":"region","is":"x","exists":true}', "query.form", "query/who/exists"],
    ['{"attribute":"region","is":"\\u0000"}', "input.json"],
    ['{"attribute":"region","is":"\\ud800"}', "input.json"],
    ['{"sequence":[],"within_seconds":1}', "query.form", "query/who/sequence"],
    ['{"rfm":{},"of":"amount","r":[6]}', "query.range", "query/who/r/0"],
    ['{"answer":{"ask":"segment"},"cell":{}}', "query.form", "query/who/answer"],
    ['{"everyone":true},"who":{"everyone":true}', "input.json"],
    ['{"everyone":true},"where":1', "query.form", "query/where"],
    ['{"everyone":true},"zone":"../../etc/passwd"', "query.name", "query/zone"],
    [nested('{"not":', 40), "input.json"],
    [nested('{"not":', 9000), "input.json"],
    [`{"all":[${Array(128).fill('{"everyone":true}')}]}`, "query.large", "query/who"],
    [`{"attribute":"region","is":"${"x".repeat(70_000)}"}`, "input.length", "query"],
];

test("what is wrong is told with its place", async (t) => {
    const server = await startServer(t, makeFolder(t)), person = await setUp(server);
    const post = (body) => until(async () => {
        const reply = await fetch(`${server.url}/api/audience/query`, {
            method: "POST", body, headers: { "Content-Type": "application/json", Cookie: person.cookie, "X-CSRF-Token": person.csrf },
        });
        const json = await reply.json();
        return !isEngineBusy(reply.status, json) && { status: reply.status, error: json.error };
    });
    for (const [who, code, path] of refusals) {
        const { status, error } = await post(`{"query":{"version":1,"ask":"segment","who":${who}}}`);
        assert.deepEqual([status, error?.code, error?.path], [400, code, path], who.slice(0, 100));
    }
    const [head, tail] = ['{"query":{"version":1,"ask":"segment","who":{"attribute":"region","is":"', '"}}}'].map((text) => Buffer.from(text));
    assert.equal((await post(Buffer.concat([head, Buffer.from([0xff, 0xc0, 0x80]), tail]))).error.code, "input.json");
    assert.equal((await post(`{"query":{"version":1,"ask":"segment","who":${nested('{"not":', 20)}}}`)).status, 200);
});
