// Random questions about a random small world, to a running server and to a model that looks at everything (query_model.mjs).
// PAPILIO_SEED repeats a run; a difference is told with the smallest question that still shows it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFolder, setUp, startServer } from "./papilio.mjs";
import { Model } from "./query_model.mjs";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const DAY = 86_400, ZONE = "America/New_York";

/* ---- chance ------------------------------------------------------------------------------------- */

function chance(seed) {
    let state = seed >>> 0;
    const next = () => { // mulberry32
        state = (state + 0x6D2B79F5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    const pick = (list) => list[below(list.length)];
    return {
        below, pick,
        odds: (p) => next() < p,
        between: (low, high) => low + below(high - low + 1),
        some: (list, count) => Array.from({ length: count }, () => pick(list)),
        few: (list) => { // one to three of them, each once
            const left = [...list], taken = [];
            for (let n = 1 + below(Math.min(3, list.length)); n > 0; n--)
                taken.push(...left.splice(below(left.length), 1));
            return taken;
        },
    };
}

/* ---- the world ---------------------------------------------------------------------------------- */

const KINDS = ["page_viewed", "link_clicked", "product_viewed", "added_to_cart", "content_viewed", "friend_added", "order_paid"];
const TEXTS = ["/", "/a", "/a/b", "/shop/x", "/Shop", "茶"], CODES = ["p", "pq", "q"];
const WORDS = ["red", "Red", "redder", "blue", "绿"], CHOICES = ["tea", "wine", "rice", "salt"], REGIONS = ["East", "West", "Eastern"];
const DATES = ["1984-02-29", "1990-11-23", "2000-01-01", "2025-12-31", "2026-03-08", "2026-11-20"];
const DEFINED = [["note", "text"], ["size", "integer"], ["spend", "money"], ["since", "date"], ["drink", "choice", CHOICES], ["likes", "choices", CHOICES]];
// Local times around which much happens: ends of days, months and years, and where the clock is put.
const EDGES = ["2024-12-31T05:00", "2025-01-01T09:00", "2025-02-28T09:00", "2025-03-09T06:30", "2025-03-09T07:00", "2025-06-30T08:00", "2025-07-01T04:00",
    "2025-11-02T05:30", "2025-11-02T06:30", "2025-11-02T09:00", "2026-01-01T05:00", "2026-03-01T09:00", "2026-03-08T08:00", "2026-05-01T08:00"]
    .map((text) => Date.parse(`${text}Z`) / 1000);

class World {
    constructor(person, random) {
        Object.assign(this, { person, random, records: [], given: [], messages: 0, arrivals: 0, turns: 0, zone: ZONE, startMinutes: 240, tags: [], lists: [], channels: [] });
        this.started = Math.floor(Date.now() / 1000);
    }
    // While the engine is read, it says so.
    async ask(path, body, headers) {
        for (let i = 0; ; i++, await sleep(50)) {
            const reply = await this.person.ask(path, body, headers);
            if (reply.status !== 503 || i > 200)
                return reply;
        }
    }
    async must(path, body, headers) {
        const { status, json } = await this.ask(path, body, headers);
        assert.equal(status, 200, `${path} ${JSON.stringify(body)} ${JSON.stringify(json)}`);
        return json;
    }
    async make(count) {
        await this.must("/api/settings", { name: "day_start_minutes", value: this.startMinutes, reason: "we close at four", version_count: 0 });
        for (const [name, kind, choices] of DEFINED)
            await this.must("/api/attributes", { name, title: name, kind, choices });
        for (const [code, parent] of [["north"], ["shop", 0], ["till", 1], ["web"]])
            this.channels.push({ code, id: (await this.must("/api/channels", { code, name: code, kind: "site", parent_id: this.channels[parent]?.id })).id });
        for (const name of ["hot", "warm", "cold"])
            this.tags.push((await this.must("/api/tags", { family: "intent", name, color: "#ff0000" })).id);
        for (let i = 0; i < count; i++)
            await this.customer(`c${i}`);
    }
    async customer(name) {
        const r = this.random, some = (p, value) => (r.odds(p) ? value : undefined);
        const attributes = { note: some(0.6, r.pick(WORDS)), size: some(0.7, r.between(-3, 9)), spend: some(0.7, r.between(0, 200) * 100), since: some(0.7, r.pick(DATES)),
            drink: some(0.6, r.pick(CHOICES)), likes: some(0.6, r.few(CHOICES)) };
        const region = some(0.7, r.pick(REGIONS));
        const { id } = await this.must("/api/customers", { name, identities: [{ kind: "member_no", value: name }], region, attributes });
        const tags = this.tags.filter(() => r.odds(0.3));
        for (const tag_id of tags)
            await this.must(`/api/customers/${id}/tags`, { tag_id, is_on: true });
        this.records.push({ name, id, number: this.records.length + 1, attributes: { ...attributes, region }, tags, lists: new Set(), events: [], into: null, turn: 0, isGone: false });
    }

    // Of a record that stands for itself: what it has is another now.
    async edit(record) {
        const r = this.random, attributes = { size: r.pick([null, 1, 5]), drink: r.pick([null, "tea"]), likes: r.few(CHOICES), since: r.pick([null, ...DATES]) }, region = r.pick(REGIONS);
        await this.must(`/api/customers/${record.id}/edit`, { region, attributes });
        Object.assign(record.attributes, { ...attributes, region });
        for (const tag_id of this.tags.filter(() => r.odds(0.5))) {
            const is_on = !record.tags.includes(tag_id);
            await this.must(`/api/customers/${record.id}/tags`, { tag_id, is_on });
            record.tags = is_on ? [...record.tags, tag_id] : record.tags.filter((one) => one !== tag_id);
        }
    }

    // An event of before, not yet sent: near an edge, near another event or anywhere in two years.
    draw(record, bursts) {
        const r = this.random, second = r.odds(0.4) ? r.pick(bursts) + r.pick([0, 0, 0, 1, 5, 60, 600, 1800, 86_400])
            : r.odds(0.5) ? r.pick(EDGES) + r.between(-2, 2) * r.pick([0, 1, 1, 3600, DAY]) : this.started - r.below(730 * DAY);
        const kind = r.pick(KINDS), event = { person: record, number: record.number, second: Math.min(second, this.started + 240), kind, properties: {}, channel: r.odds(0.7) ? r.pick(this.channels) : null };
        const maybe = (name, value) => r.odds(0.7) && (event.properties[name] = value);
        if (r.odds(0.5) && kind === "friend_added") event.second = r.pick(bursts);
        if (kind === "order_paid")
            event.amount = r.between(1, 60) * r.pick([1, 100, 100, 5000]);
        else if (kind.startsWith("product") || kind === "added_to_cart") {
            event.properties.product_code = r.pick(CODES);
            maybe("quantity_count", r.between(1, 5));
            maybe("price_fen", r.between(0, 50) * 100);
        } else if (kind === "friend_added")
            maybe("carrier", r.pick(CODES));
        else {
            if (kind === "content_viewed")
                event.properties.content_code = r.pick(CODES);
            else
                maybe("url", r.pick(TEXTS));
            if (kind === "link_clicked")
                maybe("label", r.pick(WORDS));
            else
                maybe("duration_ms", r.between(0, 9) * 1000);
        }
        return event;
    }
    async send(events) {
        const ms = (event) => event.second * 1000 + this.random.below(1000);
        for (let i = 0; i < events.length;) {
            const one = events[i], order_no = `o${++this.messages}`;
            if (one.kind === "order_paid") {
                one.subject = (await this.must("/api/orders", { source: "shop", order_no, placed_ms: ms(one), channel_id: one.channel?.id,
                    customer: { kind: "member_no", value: one.person.name },
                    lines: [{ product_code: "p", quantity_count: 1, unit_price_micro: one.amount * 10_000 }] }, { "Idempotency-Key": order_no })).id;
                this.arrived(one);
                i++;
                continue;
            }
            let end = i;
            while (end < events.length && events[end].kind !== "order_paid")
                end++;
            const batch = events.slice(i, end);
            const { accepted_count } = await this.must("/api/v1/events", { events: batch.map((event) => ({ message_id: `m${++this.messages}`, kind: event.kind,
                occurred_ms: ms(event), customer: { kind: "member_no", value: event.person.name }, channel_code: event.channel?.code, properties: event.properties })) });
            assert.equal(accepted_count, batch.length);
            batch.forEach((event) => this.arrived(event));
            i = end;
        }
    }
    arrived(event) {
        Object.assign(event, { arrival: ++this.arrivals, channel: event.channel?.id });
        event.person.events.push(event);
    }
    // Until a segment or a list has its members.
    async live(id) {
        for (let i = 0; (await this.must(`/api/segments/${id}`)).one.state !== "live"; i++) {
            assert.ok(i < 1000, `segment ${id} is not made`);
            await sleep(20);
        }
    }
    async segment(name, who) {
        const { id } = await this.must("/api/segments", { name, definition: { version: 1, ask: "segment", who } });
        await this.live(id);
        return { id, who };
    }
    async list(name, who) {
        const { id } = await this.must(`/api/segments/${(await this.segment(name, who)).id}/snapshot`, { name: `${name} then` });
        await this.live(id);
        for (const one of this.model(this.started).people(who))
            one.records.forEach((record) => record.lists.add(id));
        this.lists.push(id);
    }
    roots() {
        return this.records.filter((one) => !one.into && !one.isGone);
    }
    // Whoever was the other is the kept one now, in the order in which they came.
    async merge(kept, other) {
        const { id } = await this.must(`/api/customers/${kept.id}/merge`, { other_customer_id: other.id }), moved = this.of(other);
        for (const record of moved)
            Object.assign(record, { into: kept, turn: ++this.turns });
        return { id, kept, other, moved };
    }
    async undo({ id, other, moved }) {
        await this.must(`/api/merges/${id}/undo`, {});
        for (const record of moved)
            record.into = record === other ? null : other;
    }
    of(kept) {
        return this.records.filter((one) => one === kept || one.into === kept).sort((a, b) => (a === kept ? -1 : b === kept ? 1 : a.turn - b.turn));
    }

    /* Persons as they are now: a person has the events, tags and lists of all its records. */
    model(now, zone) {
        const people = this.roots().map((kept) => {
            const records = this.of(kept), days = new Model({ zone: this.zone, startMinutes: this.startMinutes, people: [] }, now);
            const person = { number: kept.number, records, tags: new Set(records.flatMap((one) => one.tags)), lists: new Set(records.flatMap((one) => [...one.lists])),
                events: records.flatMap((one) => one.events) };
            const own = (name) => kept.attributes[name] ?? records.map((one) => one.attributes[name]).find((value) => value !== undefined);
            const orders = person.events.filter((event) => event.kind === "order_paid").sort((a, b) => a.second - b.second);
            const day = (event) => event && days.civil(event.second);
            person.attributes = { ...Object.fromEntries([...DEFINED.map(([name]) => name), "region"].map((name) => [name, own(name)])),
                customer_number: kept.number, order_count: orders.length, paid_fen: orders.reduce((all, event) => all + event.amount, 0),
                first_order_day: day(orders[0]), second_order_day: day(orders[1]), last_order_day: day(orders.at(-1)) };
            return person;
        });
        return new Model({ zone: this.zone, startMinutes: this.startMinutes, people }, now, zone);
    }
}

async function makeWorld(person, seed) {
    const r = chance(seed), world = new World(person, r);
    await world.make(40);
    const bursts = Array.from({ length: 25 }, () => world.started - r.below(r.pick([3, 40, 700]) * DAY)).map((second) => second - (second % 60));
    bursts.push(world.started - DAY, world.started - 7 * DAY, world.started - 30 * DAY, world.started);
    const events = Array.from({ length: 420 }, () => world.draw(world.records[Math.min(r.below(44), r.below(44), 39)], bursts));
    await world.send(events.slice(0, 250)); // in no order
    await world.list("buyers", { did: { kind: "order_paid", within: { to: "2026-10-01" } } });
    await world.list("clickers", { did: { kind: "link_clicked", within: { to: "2026-10-01" } } });
    const asker = new Asker(world, r), segments = [];
    for (let i = 0; i < 20; i++) // whoever depends on others is there anew once a day alone
        segments.push(await world.segment(`s${i}`, asker.condition(0, /"(rfm|answer)":/)));
    const merges = [];
    while (merges.length < 8) {
        const [kept, other] = r.some(world.roots(), 2);
        if (kept !== other)
            merges.push(await world.merge(kept, other));
    }
    await world.send(events.slice(250, 350));
    for (const one of [...merges].reverse()) // where nothing was done with the two since
        if (r.odds(0.4) && one.other.into === one.kept && one.moved.every((record) => record.into === one.kept))
            await world.undo(one);
    for (const record of r.some(world.roots(), 10).filter((one) => !world.records.some((other) => other.into === one)))
        await world.edit(record);
    for (const root of r.few(world.roots())) {
        const records = world.of(root);
        await world.must(`/api/customers/${root.id}/privacy/delete`, { reason: "asked for it", confirm_number: root.number });
        records.forEach((one) => { one.isGone = true; });
    }
    const together = r.some(world.roots(), 8).flatMap((person) => [0, 1, 2, 3].map(() => ({ ...world.draw(person, bursts), person, number: person.number, second: bursts[0] })));
    await world.send([...events.slice(350), ...together].filter((event) => !event.person.isGone));
    return { world, segments };
}

/* ---- questions ---------------------------------------------------------------------------------- */

const LOCALS = ["2024-12-31", "2025-01-01", "2025-03-09 02:30", "2025-03-09", "2025-03-10", "2025-07-01", "2025-11-02 01:30", "2025-11-02", "2025-11-03",
    "2026-01-01 00:00", "2026-01-01", "2026-03-01 03:59:59", "2026-03-01 04:00:00", "2026-03-08 02:30", "2026-05-01", "2026-10-01", "2026-11-01"];
const TEXT_COLUMNS = { url: TEXTS, label: WORDS, product_code: CODES, content_code: CODES, carrier: CODES };
const NUMBER_COLUMNS = { amount: 300000, duration_ms: 9000, quantity_count: 5, price_fen: 5000 };
const NUMBERS = { size: 9, spend: 20000, order_count: 4, paid_fen: 300000, customer_number: 40 }, DAYS = ["since", "first_order_day", "second_order_day", "last_order_day"];
const UNITS = ["day", "week", "month", "quarter", "year"];

class Asker {
    constructor(world, random) {
        Object.assign(this, random, { world });
    }
    when() {
        switch (this.below(4)) {
        case 0: return { last: this.pick([{ seconds: this.between(1, 200_000) }, { minutes: 1440 }, { hours: this.between(1, 2000) }, { days: this.pick([1, 7, 30, 365]) }, { weeks: this.between(1, 60) }]) };
        case 1: return { units: this.pick(UNITS), count: this.between(1, 9), ...(this.odds(0.7) && { current: this.odds(0.7) }) };
        default: {
            const [from, to] = [this.below(LOCALS.length), this.below(LOCALS.length)].sort((a, b) => a - b);
            return from === to || this.odds(0.5) ? this.pick([{ from: LOCALS[from] }, { to: LOCALS[to] }]) : { from: LOCALS[from], to: LOCALS[to] };
        }
        }
    }
    number(high) {
        const n = () => this.between(0, this.pick([1, 3, high, high])) - this.pick([0, 0, 0, 1]), low = n();
        return this.pick([{ at_least: low }, { below: low }, { is: low }, { is: this.some([1, 2, 3, low], 2) }, { is_not: low }, { between: [low, low + 1 + Math.abs(n())] },
            { exists: this.odds(0.5) }]);
    }
    text(values) {
        return this.pick([{ is: this.pick(values) }, { is: this.few(values) }, { is_not: this.few(values) }, { exists: this.odds(0.5) },
            { contains: this.pick(["a", "/", "S", "ed", "茶", "q"]) }, { starts: this.pick(["/s", "/S", "/", "r", "p", "绿"]) }]);
    }
    date() {
        const [a, b] = this.some(DATES, 2).sort();
        return this.pick([{ is: a }, { is_not: this.few(DATES) }, { at_least: a }, { below: a }, { exists: this.odds(0.5) }, { within: this.when() },
            { anniversary: [-this.below(60), 1 + this.below(120)] }, ...(a === b ? [] : [{ between: [a, b] }])]);
    }
    column() {
        const texts = Object.keys(TEXT_COLUMNS), name = this.pick([...texts, ...Object.keys(NUMBER_COLUMNS)]);
        return { property: name, ...(texts.includes(name) ? this.text(TEXT_COLUMNS[name]) : this.number(NUMBER_COLUMNS[name])) };
    }
    // No kind would be every event, those of the server's own too: these alone are known.
    events(isTimed = true) {
        return { kind: this.odds(0.3) ? KINDS : this.odds(0.5) ? this.pick(KINDS) : this.few(KINDS), ...(this.odds(0.12) && { channel: this.few(this.world.channels.map((one) => one.id)) }),
            ...(this.odds(0.04) && { subject: this.some(this.world.records.flatMap((one) => one.events.map((event) => event.subject)).filter(Boolean), 30) }),
            ...(this.odds(0.15) && { where: this.odds(0.5) ? this.column() : [this.column(), this.column()] }), ...(isTimed && this.odds(0.35) && { within: this.when() }) };
    }
    stepSeconds() {
        return this.pick([0, 1, 60, 600, 1799, 1800, 3600, DAY, 7 * DAY, 60 * DAY, 400 * DAY, 4_294_967_295]);
    }
    funnel() {
        const count = this.between(1, 4), how = this.pick([undefined, "ordered", "strict", "any"]);
        const step = () => this.events(how !== "strict" && this.odds(0.3)); // the server's own events, of any kind, lie behind these
        const steps = Array.from({ length: count }, () => ({ ...step(), ...(how === "strict" && { within: { to: this.pick(LOCALS.slice(-3)) } }) }));
        return { steps, within_seconds: this.stepSeconds(), ...(how && { order: how }),
            ...(how !== "any" && count > 1 && this.odds(0.3) && { exclude: { events: this.events(false), after: this.between(1, count - 1) } }) };
    }
    condition(depth = 0, without = undefined) {
        const condition = this.someCondition(depth);
        return without?.test(JSON.stringify(condition)) ? this.condition(depth, without) : condition;
    }
    someCondition(depth) {
        if (depth < 3 && this.odds(depth === 0 ? 0.3 : 0.15))
            return this.pick([() => ({ all: this.conditions(depth) }), () => ({ any: this.conditions(depth) }), () => ({ not: this.condition(depth + 1) })])();
        const forms = ["did", "did", "measure", "measure", "measure", "measure", "attribute", "attribute", "tag", "list", "sequence", "funnelLevel", "regularly", "first_time", "stopped",
            "restarted", "rfm", "purchase", "answer"];
        return this[this.pick(depth > 0 ? forms.filter((form) => form !== "answer") : forms)]();
    }
    conditions(depth) {
        return Array.from({ length: this.between(1, 3) }, () => this.condition(depth + 1));
    }
    did() {
        return { did: this.events(), ...(this.odds(0.5) && this.number(5)) };
    }
    measure() {
        const did = this.events(), numbers = Object.keys(NUMBER_COLUMNS), texts = Object.keys(TEXT_COLUMNS), measure = this.pick(["sum", "min", "max", "distinct", "first", "last", "days"]);
        if (measure === "days")
            return { did, measure, ...this.number(5) };
        if (measure === "distinct")
            return { did, measure, of: this.pick([...texts, ...numbers, "channel", "kind"]), ...this.number(3) };
        if (measure === "first" || measure === "last") {
            const of = this.pick([undefined, ...texts, ...numbers]);
            return { did, measure, ...(of === undefined ? { within: this.when() } : { of, ...(texts.includes(of) ? this.text(TEXT_COLUMNS[of]) : this.number(NUMBER_COLUMNS[of])) }) };
        }
        const of = this.pick(numbers);
        return { did, measure, of, ...this.number(NUMBER_COLUMNS[of]) };
    }
    attribute() {
        const name = this.pick(["region", "note", "drink", "likes", ...Object.keys(NUMBERS), ...DAYS]);
        const test = name === "likes" ? this.pick([{ is: this.few(CHOICES) }, { is_not: this.few(CHOICES) }, { has_all: this.few(CHOICES) }, { exists: this.odds(0.5) }])
            : name === "drink" ? this.pick([{ is: this.few(CHOICES) }, { is_not: this.few(CHOICES) }, { exists: this.odds(0.5) }])
                : DAYS.includes(name) ? this.date() : NUMBERS[name] ? this.number(NUMBERS[name]) : this.text(name === "region" ? REGIONS : WORDS);
        return { attribute: name, ...test };
    }
    match() {
        return this.odds(0.3) ? {} : { match: this.pick(["any", "all", "none"]) };
    }
    tag() {
        return { tag: this.few(this.world.tags), ...this.match() };
    }
    list() {
        return { list: this.few(this.world.lists), ...this.match() };
    }
    sequence() {
        return { sequence: Array.from({ length: this.between(1, 4) }, () => this.events(this.odds(0.3))), within_seconds: this.stepSeconds() };
    }
    funnelLevel() {
        const funnel = this.funnel(), low = this.between(0, funnel.steps.length);
        return { funnel, level: [low, this.between(low, funnel.steps.length)] };
    }
    regularly() {
        const count = this.between(1, 30);
        return { regularly: this.events(false), units: this.pick(UNITS), count, ...(this.odds(0.5) && { current: this.odds(0.5) }), ...(this.odds(0.5) && { times: this.between(1, 2) }),
            at_least: Math.min(count, this.between(1, 3)) };
    }
    first_time() {
        return { first_time: { ...this.events(), within: this.when() } };
    }
    stopped() {
        return { stopped: { ...this.events(), within: this.when() }, later: this.when() };
    }
    restarted() {
        return { restarted: { ...this.events(), within: this.when() }, later: this.when(), again: this.when() };
    }
    cells() {
        return [1, 2, 3, 4, 5].filter(() => this.odds(0.6));
    }
    rfm() {
        const cells = Object.fromEntries(["r", "f", "m"].map((name) => [name, this.cells()]).filter(([, list]) => list.length > 0 && this.odds(0.6)));
        return { rfm: this.events(), of: this.pick(Object.keys(NUMBER_COLUMNS)), ...cells };
    }
    purchase() {
        return { purchase: this.pick(["never", "first", "repeat"]), kind: this.pick(KINDS) };
    }
    answer() {
        const answer = this.question(this.pick(["funnel", "retention", "paths", "breakdown", "trend", "rfm", "interval", "flow"]), 2);
        delete answer.limit;
        const rows = this.world.model(this.world.started + 10).answer(answer), columns = ["level", "group", "cohort_ms", "unit", "position", "from", "to", "from_ms", "r", "f", "m", "days"];
        const cell = Object.entries(rows.length > 0 ? this.pick(rows) : {}).filter(([name, value]) => columns.includes(name) && value !== undefined && this.odds(0.8));
        return { answer, cell: Object.fromEntries(cell) };
    }
    by() {
        return this.pick(["kind", "channel", "day", { property: this.pick([...Object.keys(TEXT_COLUMNS), "quantity_count", "subject"]) },
            { attribute: this.pick(["region", "note", "drink", "size", "since", "last_order_day", "customer_number"]) }]);
    }
    question(ask, depth = 0) {
        const who = this.odds(0.4) ? { who: this.condition(depth) } : {}, of = () => (this.odds(0.6) ? { of: this.pick(Object.keys(NUMBER_COLUMNS)) } : {});
        const by = () => (this.odds(0.4) ? { by: this.by() } : {}), events = this.events(), limit = this.odds(0.3) ? { limit: this.between(1, 4) } : { limit: 1000 };
        switch (ask) {
        case "segment": return { ask, who: this.condition(depth) };
        case "funnel": return { ask, ...who, funnel: this.funnel(), ...by(), ...(this.odds(0.2) && { times: false }) };
        case "retention": return { ask, ...who, start: this.events(), back: this.events(), units: this.pick(UNITS), count: this.between(1, 14), cohort: this.pick(["first", "every"]),
            ...(this.odds(0.4) && { or_after: this.odds(0.7) }) };
        case "paths": return { ask, ...who, events, ...(this.odds(0.4) && { by: this.pick(["kind", "channel", "day", { property: this.pick(Object.keys(TEXT_COLUMNS)) }]) }), ...limit, ...(this.odds(0.6) && { gap_seconds: this.pick([0, 1, 600, 3600, DAY, 30 * DAY]) }), ...(this.odds(0.5) && { steps: this.below(4) }) };
        case "breakdown": {
            const much = of();
            return { ask, ...who, events, by: this.by(), ...much, ...(this.odds(0.5) && { order: this.pick(["people", "events", ...(much.of ? ["sum"] : [])]) }), ...limit };
        }
        case "trend": return { ask, ...who, events, units: this.pick(UNITS), ...of(), ...by() };
        case "rfm": return { ask, ...who, events, of: this.pick(Object.keys(NUMBER_COLUMNS)) };
        case "timeline": return { ask, person: this.pick(this.world.records.filter((one) => !one.isGone)).number, events, limit: this.between(1, 30),
            ...(this.odds(0.6) && { before: this.pick(this.world.records.flatMap((one) => one.events)).second, ...(this.odds(0.6) && { skip: this.below(4) }) }) };
        case "interval": return { ask, ...who, events, pairs: this.pick(["first", "all"]) };
        default: return { ask, ...who, within: this.pick([{ from: this.pick(LOCALS) }, { last: { days: this.between(1, 400) } }, { from: LOCALS[4], to: this.pick(LOCALS.slice(6)) }, { units: this.pick(UNITS), count: this.between(1, 3) }]),
            stages: Array.from({ length: this.between(1, 3) }, (_, i) => ({ name: `s${i}`, who: this.condition(2) })), ...(this.odds(0.3) && { by: { attribute: this.pick(["region", "size", "drink"]) } }) };
        }
    }
}

/* ---- comparing ---------------------------------------------------------------------------------- */

const ZONES = ["Asia/Shanghai", "UTC", "Australia/Lord_Howe"];
const MEMBERS = { ask: "breakdown", events: { kind: "customer_added" }, by: { attribute: "customer_number" }, limit: 1000 };

// Rows in an order of their own: a list that ends at a limit is its counts alone, whoever of equals is in it.
function plain(question, columns, rows) {
    const table = rows.map((row) => columns.map((name) => (Array.isArray(row) ? row[columns.indexOf(name)] : row[name]) ?? null));
    const measure = { paths: "count", breakdown: question.order ?? "people" }[question.ask];
    if (measure && rows.length >= question.limit)
        return table.slice(0, question.limit).map((row) => row[columns.indexOf(measure)]);
    return table.map((row) => JSON.stringify(row)).sort();
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
// {size: rows}, or what differs: {question, theirs, ours}, or is refused.
async function difference(world, question) {
    const ask = (query) => world.ask("/api/audience/query", { query: { version: 1, ...query } });
    const reply = await ask(question);
    if (reply.status !== 200)
        return { question, refused: reply.json.error };
    const { columns, rows, as_of_ms, member_count } = reply.json, model = world.model(as_of_ms / 1000 - 1, question.zone), expected = model.answer(question);
    if (question.ask !== "segment") {
        const [theirs, ours] = [plain(question, columns, rows), plain(question, columns, expected)];
        return JSON.stringify(theirs) === JSON.stringify(ours) ? { size: rows.length } : { question, as_of_ms, columns, theirs, ours };
    }
    if (member_count !== expected.length)
        return { question, as_of_ms, theirs: member_count, ours: expected.length };
    const members = (await ask({ ...question, ...MEMBERS })).json; // a later moment
    const [theirs, ours] = [members.rows.map(([number]) => number), world.model(members.as_of_ms / 1000 - 1, question.zone).answer(question)].map(sorted);
    return JSON.stringify(theirs) === JSON.stringify(ours) ? { size: ours.length } : { question, as_of_ms: members.as_of_ms, theirs, ours };
}

// What else is told of a segment: how many it had at the ends of some days, and whether somebody is in it. Of cells that is another answer.
async function assertTold(world, question, person) {
    const query = { version: 1, ...question }, model = world.model(Math.floor(Date.now() / 1000), question.zone);
    const days = world.model(model.now).calendar, { sizes } = await world.must("/api/audience/count", { query, curve_days: 3 });
    const asked = [model.now, Math.floor(Date.now() / 1000)]; // what a second ends may have gone by in between
    for (const { size_day, member_count } of sizes) {
        const end = days.startOf(size_day + 1) - 1, wanted = asked.map((now) => model.at(Math.min(end, now)).answer(question).length);
        assert.ok(wanted.includes(member_count), `the end of day ${size_day}: ${member_count}, not ${wanted}: ${JSON.stringify(question)}`);
    }
    const before = model.holds(person, question.who), { is_in } = await world.must("/api/audience/explain", { query, customer_id: person.records[0].id });
    const after = world.model(Math.floor(Date.now() / 1000), question.zone).world.people.find((one) => one.number === person.number);
    assert.ok([before, model.at(Math.floor(Date.now() / 1000)).holds(after, question.who)].includes(is_in), `customer ${person.number}: ${is_in} ${JSON.stringify(question)}`);
}

// Every question that lacks one member or item of this one, or has a part in place of the whole.
function* smaller(value) {
    if (Array.isArray(value) && value.length > 1)
        for (let i = 0; i < value.length; i++)
            yield value.filter((_, k) => k !== i);
    if (typeof value !== "object" || value === null)
        return;
    for (const key of Object.keys(value)) {
        if (!Array.isArray(value)) {
            const rest = { ...value };
            delete rest[key];
            if (key !== "kind") // without it the server's own events are seen too
                yield rest;
        }
        if (["all", "any"].includes(key))
            yield* value[key];
        if (key === "not")
            yield value[key];
        for (const part of smaller(value[key]))
            yield Array.isArray(value) ? value.map((one, k) => (k === Number(key) ? part : one)) : { ...value, [key]: part };
    }
}
async function smallest(world, found) {
    for (let rest = 400, next; rest > 0; found = next) {
        next = null;
        for (const question of smaller(found.question)) {
            if (rest-- <= 0)
                break;
            const other = await difference(world, question).catch(() => null);
            if (other?.question && !other.refused && !JSON.stringify(question).includes("{}")) {
                next = other;
                break;
            }
        }
        if (!next)
            break;
    }
    return found;
}
/* ---- the test ----------------------------------------------------------------------------------- */

const ASKS = ["segment", "funnel", "segment", "retention", "segment", "paths", "segment", "breakdown", "segment", "trend", "segment", "rfm", "segment", "interval", "segment", "flow", "timeline"];

async function assertLive(world, { id, who }) {
    const read = async () => (await world.must(`/api/customers?limit=100&segment_id=${id}`)).items.map((one) => one.customer_number);
    for (let i = 0; ; i++, await sleep(50)) {
        const theirs = sorted(await read()), ours = world.model(Math.floor(Date.now() / 1000)).answer({ ask: "segment", who });
        if (JSON.stringify(theirs) === JSON.stringify(ours))
            return;
        if (i === 600)
            assert.deepEqual(theirs, ours, `a live segment: ${JSON.stringify(who)}`);
    }
}

test("random questions: the server and the model say the same", async (t) => {
    const seed = Number(process.env.PAPILIO_SEED ?? 3), count = Number(process.env.PAPILIO_QUESTIONS ?? 320), start = performance.now();
    const server = await startServer(t, makeFolder()), person = await setUp(server, { zone: ZONE, currency: "USD" });
    const { world, segments } = await makeWorld(person, seed), asker = new Asker(world, chance(seed + 1));
    let full = 0;
    for (let i = 0; i < count; i++) {
        const question = asker.question(ASKS[i % ASKS.length]), zone = asker.odds(0.2) ? { zone: asker.pick(ZONES) } : {};
        const found = await difference(world, { ...question, ...zone });
        assert.equal(found.refused, undefined, `seed ${seed}: ${JSON.stringify(found)}`);
        if (found.question)
            assert.fail(`PAPILIO_SEED=${seed}, question ${i}: ${JSON.stringify(await smallest(world, found), null, 1)}`);
        full += found.size > 0 ? 1 : 0;
        if (question.ask === "segment" && i % 4 === 0 && !/"(rfm|answer)":/.test(JSON.stringify(question)))
            await assertTold(world, { ...question, ...zone }, asker.pick(world.model(world.started).world.people));
    }
    for (const one of segments)
        await assertLive(world, one);
    t.diagnostic(`seed ${seed}: ${count} questions, ${full} with an answer that is not empty, ${Math.round(performance.now() - start)} ms`);
    assert.ok(full * 10 >= count * 3, `${full} of ${count} have an answer that is not empty`);
});
