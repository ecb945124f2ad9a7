// A real shop's year goes in through the public import, and the figures its keepers published come out through the
// API. Each assertion is named by its path in expected.json. The data are not ours: PAPILIO_DATA names their folder;
// without it this is skipped.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { makeFolder, papilio, setUp, startServer } from "./papilio.mjs";

const data = process.env.PAPILIO_DATA && join(process.env.PAPILIO_DATA, "online_retail");
const mapping = resolve("test/data/online_retail.mapping.json");
const skip = !data ? "PAPILIO_DATA does not name the folder of data sets"
    : !existsSync(join(data, "online_retail.csv.xz")) ? `${data} has no online_retail.csv.xz` : false;

function unpack(folder) {
    const file = join(folder, "online_retail.csv");
    const done = spawnSync("xz", ["-dc", join(data, "online_retail.csv.xz")], { maxBuffer: 1 << 28 });
    assert.equal(done.status, 0, String(done.stderr));
    writeFileSync(file, done.stdout);
    return file;
}

function parseCsv(text) {
    const [head, ...rows] = text.trim().split(/\r?\n/).map((line) => line.split(","));
    return rows.map((cells) => Object.fromEntries(head.map((key, i) => [key, cells[i] ?? ""])));
}

const readCsv = (name) => parseCsv(readFileSync(join(data, name), "utf8"));

function readCsvXz(name) {
    const done = spawnSync("xz", ["-dc", join(data, name)], { encoding: "utf8", maxBuffer: 1 << 26 });
    assert.equal(done.status, 0, done.stderr);
    return parseCsv(done.stdout);
}

// Money of the data is in pounds with thousandths; ours is whole pence.
function assertMoney(fen, pounds, path) {
    assert.ok(Math.abs(fen / 100 - Number(pounds)) <= 0.01, `${path}: ${fen / 100} is not ${pounds}`);
}

function assertRate(ppm, rate, path) {
    assert.ok(Math.abs(ppm / 1e6 - rate) <= 0.000001, `${path}: ${ppm} ppm is not ${rate}`);
}

function importFile(folder, file) {
    const done = papilio(["import", "orders", file, "--data", folder, "--mapping", mapping]);
    assert.equal(done.code, 0, done.err);
    return JSON.parse(done.out);
}

async function checkRaw(t, ask, expected) {
    const raw = await ask("/api/overview/raw");
    const counts = {
        "raw.rows": [raw.line_count, expected.raw.rows],
        "raw.rows_without_customer": [raw.guest_line_count, expected.raw.rows_without_customer],
        "raw.cancellation_rows_InvoiceNo_starts_C":
            [raw.cancellation_line_count, expected.raw.cancellation_rows_InvoiceNo_starts_C],
        "raw.rows_quantity_le_0": [raw.line_without_quantity_count, expected.raw.rows_quantity_le_0],
        "raw.rows_price_le_0": [raw.line_without_price_count, expected.raw.rows_price_le_0],
        "raw.invoices": [raw.document_count, expected.raw.invoices],
        "raw.customers": [raw.customer_count, expected.raw.customers],
        "clean.rows": [raw.counted_line_count, expected.clean.rows],
        "clean.exact_duplicate_rows_beyond_first":
            [raw.duplicate_line_count, expected.clean.exact_duplicate_rows_beyond_first],
        "clean.customers": [raw.counted_customer_count, expected.clean.customers],
        "clean.orders": [raw.counted_order_count, expected.clean.orders],
        "repurchase.customers_ge2_invoices": [raw.repeat_customer_count, expected.repurchase.customers_ge2_invoices],
        "repurchase.customers_ge2_days": [raw.repeat_day_customer_count, expected.repurchase.customers_ge2_days],
    };
    for (const [path, [ours, theirs]] of Object.entries(counts))
        await t.test(path, () => assert.equal(ours, theirs));
    await t.test("raw.net_value", () => assertMoney(raw.net_fen, expected.raw.net_value, "raw.net_value"));
    await t.test("clean.revenue", () => assertMoney(raw.counted_paid_fen, expected.clean.revenue, "clean.revenue"));
}

async function checkOverview(t, ask, expected) {
    const { figures, repurchase } = await ask("/api/overview?from_date=2010-12-01&to_date=2011-12-10");
    const matured = expected.repurchase.matured_only_30_90_180;

    await t.test("clean.customers (overview)", () => assert.equal(figures.customer_count, expected.clean.customers));
    await t.test("clean.orders (overview)", () => assert.equal(figures.order_count, expected.clean.orders));
    await t.test("clean.revenue (overview)", () => assertMoney(figures.paid_fen, expected.clean.revenue, "clean.revenue"));
    await t.test("clean.aov", () => assertMoney(figures.average_order_fen, expected.clean.aov, "clean.aov"));
    await t.test("clean.orders_per_customer", () =>
        assertRate(figures.orders_per_customer_ppm, expected.clean.orders_per_customer, "clean.orders_per_customer"));
    await t.test("clean.revenue_per_customer", () => assertMoney(
        figures.paid_fen / figures.customer_count, expected.clean.revenue_per_customer, "clean.revenue_per_customer"));
    await t.test("repurchase.customers_ge2_invoices (overview)", () =>
        assert.equal(figures.repeat_customer_count, expected.repurchase.customers_ge2_invoices));
    await t.test("repurchase.rate_ge2_invoices", () =>
        assertRate(figures.repurchase_ppm, expected.repurchase.rate_ge2_invoices, "repurchase.rate_ge2_invoices"));
    for (const [i, days] of [30, 90, 180].entries()) {
        const ours = repurchase.find((row) => row.within_days === days);
        await t.test(`repurchase.matured_only_30_90_180.numerators[${i}]`, () =>
            assert.equal(ours.repeat_count, matured.numerators[i]));
        await t.test(`repurchase.matured_only_30_90_180.denominators[${i}]`, () =>
            assert.equal(ours.matured_count, matured.denominators[i]));
        await t.test(`repurchase.matured_only_30_90_180.rates[${i}]`, () =>
            assertRate(ours.rate_ppm, matured.rates[i], "rates"));
        await t.test(`repurchase.naive_30_90_180_over_all[${i}]`, () =>
            assertRate(ours.all_rate_ppm, expected.repurchase.naive_30_90_180_over_all[i], "naive"));
    }
}

async function checkMonths(t, ask) {
    const { months } = await ask("/api/overview?from_date=2010-12-01&to_date=2011-12-10");
    const theirs = readCsv("expected_monthly.csv");

    await t.test("expected_monthly.csv: its months", () =>
        assert.deepEqual(months.map((row) => row.month), theirs.map((row) => row.mon)));
    for (const row of theirs) {
        const ours = months.find((month) => month.month === row.mon);
        await t.test(`expected_monthly.csv: ${row.mon}`, () => {
            assert.equal(ours.order_count, Number(row.orders));
            assert.equal(ours.customer_count, Number(row.customers));
            assertMoney(ours.paid_fen, row.revenue, row.mon);
            assert.equal(ours.new_paid_fen + ours.old_paid_fen, ours.paid_fen);
        });
    }
}

async function checkCohorts(t, ask) {
    const { cohorts } = await ask("/api/overview/cohort");
    const theirs = readCsv("expected_cohort_matrix.csv");

    await t.test("expected_cohort_matrix.csv: its cohorts", () =>
        assert.deepEqual(cohorts.map((row) => row.month), theirs.map((row) => row.cohort)));
    for (const row of theirs) {
        const ours = cohorts.find((cohort) => cohort.month === row.cohort);
        await t.test(`expected_cohort_matrix.csv: ${row.cohort}`, () => {
            assert.equal(ours.size_count, Number(row[0]));
            for (let month = 0; month <= 12; month++) {
                const active = ours.active.find((cell) => cell.month_number === month)?.customer_count ?? 0;
                assert.equal(active, Number(row[month] || 0), `month ${month}`);
            }
        });
    }
}

const CELLS = ["RFM", "RFm", "RfM", "Rfm", "rFM", "rFm", "rfM", "rfm"];
const PERIOD = "to_date=2011-12-10";

async function pageThrough(ask, path) {
    const items = [];
    for (let cursor = ""; cursor !== null;) {
        const page = await ask(`${path}&limit=100${cursor && `&cursor=${cursor}`}`);
        items.push(...page.items);
        cursor = page.next_cursor ?? null;
        assert.ok(items.length <= page.total_count);
        if (cursor === null)
            assert.equal(items.length, page.total_count);
    }
    return items;
}

async function checkRfmCells(t, rfm, expected) {
    const means = expected.rfm.means;

    await t.test("rfm.snapshot", () => assert.equal(rfm.snapshot_date, expected.rfm.snapshot));
    await t.test("rfm.means.R", () => assert.ok(Math.abs(rfm.recency_mean_ppm / 1e6 - means.R) < 1e-6));
    await t.test("rfm.means.F", () => assert.ok(Math.abs(rfm.order_mean_ppm / 1e6 - means.F) < 1e-6));
    await t.test("rfm.means.M", () => assertMoney(rfm.paid_mean_fen, means.M, "means.M"));
    for (const [cell, count] of Object.entries(Object.entries(expected.rfm).find(([key]) => key.startsWith("octants"))[1]))
        await t.test(`rfm.octants_vs_mean.${cell}`, () =>
            assert.equal(rfm.cells.find((row) => row.cell === cell).customer_count, count));
    for (const [i, cut] of rfm.cuts.entries()) {
        await t.test(`rfm.quintile_cuts_type7[${i}]`, () => {
            const theirs = expected.rfm.quintile_cuts_type7;
            assert.equal(cut.recency_tenth_days, Math.round(theirs.R[i] * 10));
            assert.equal(cut.order_tenth_count, Math.round(theirs.F[i] * 10));
            assertMoney(cut.paid_tenth_fen / 10, theirs.M[i], "M");
        });
    }
    await t.test("rfm.score_counts", () => {
        assert.deepEqual(rfm.scores.map((row) => row.recency_customer_count), expected.rfm.score_counts.R);
        assert.deepEqual(rfm.scores.map((row) => row.order_customer_count), expected.rfm.score_counts.F);
        assert.deepEqual(rfm.scores.map((row) => row.paid_customer_count), expected.rfm.score_counts.M);
    });
    await t.test("rfm.top20pct_revenue_share", () =>
        assert.ok(Math.abs(rfm.top_20_fen / rfm.paid_fen - expected.rfm.top20pct_revenue_share) < 1e-6));
    await t.test("rfm.top1pct_revenue_share", () =>
        assert.ok(Math.abs(rfm.top_1_fen / rfm.paid_fen - expected.rfm.top1pct_revenue_share) < 1e-6));
}

// Every customer: R, F, M, the three scores and the cell, in order.
const rowOf = (r, f, m, scores, cell) => [r, f, m, ...scores, cell].join(" ");

async function checkRfm(t, ask, expected) {
    const rfm = await ask(`/api/rfm?${PERIOD}`), theirs = readCsvXz("expected_rfm.csv.xz"), ours = [];

    await checkRfmCells(t, rfm, expected);
    for (const cell of CELLS) {
        const items = await pageThrough(ask, `/api/layers/customers?${PERIOD}&rfm=${cell}`);
        ours.push(...items);
        await t.test(`the cell ${cell} opens its customers`, () => {
            const row = rfm.cells.find((of) => of.cell === cell);
            assert.equal(items.length, row.customer_count);
            assert.equal(items.reduce((sum, item) => sum + item.paid_fen, 0), row.paid_fen);
            assert.equal(new Set(items.map((item) => item.id)).size, items.length);
        });
    }
    await t.test("expected_rfm.csv: every customer's R, F, M, scores and cell", () => {
        const mine = ours.map((item) => rowOf(item.recency_days, item.order_count, item.paid_fen,
            [item.recency_score, item.order_score, item.paid_score], item.rfm));
        const wanted = theirs.map((row) => rowOf(row.recency_days, row.frequency, Math.round(row.monetary * 100),
            [row.r_score, row.f_score, row.m_score], row.octant));
        assert.equal(mine.length, theirs.length);
        assert.deepEqual(mine.sort(), wanted.sort());
    });
    await t.test("expected_rfm.csv: by name", async () => {
        for (let i = 0; i < theirs.length; i += 433) {
            const found = await ask(`/api/customers?search=${theirs[i].customer_id}`);
            const item = ours.find((of) => found.items.some((hit) => hit.id === of.id));
            assert.equal(found.items.length, 1, theirs[i].customer_id);
            assert.equal(item?.rfm, theirs[i].octant, theirs[i].customer_id);
            assert.equal(item.recency_days, Number(theirs[i].recency_days));
        }
    });
}

async function checkFigures(t, ask, expected) {
    const path = "/api/layers/figures?from_date=2010-12-01&to_date=2011-12-10";
    const { total, rows } = await ask(`${path}&by=month`);
    const byRfm = await ask(`${path}&by=rfm`), byFirst = await ask(`${path}&by=first_month`);
    const matured = expected.repurchase.matured_only_30_90_180;

    await t.test("figures: orders, revenue, average order", () => {
        assert.equal(total.order_count, expected.clean.orders);
        assertMoney(total.paid_fen, expected.clean.revenue, "clean.revenue");
        assertMoney(total.average_order_fen, expected.clean.aov, "clean.aov");
    });
    await t.test("figures: repurchase by invoice and by day", () => {
        assert.equal(total.repeat_count, expected.repurchase.customers_ge2_invoices);
        assertRate(total.repeat_ppm, expected.repurchase.rate_ge2_invoices, "rate_ge2_invoices");
        assert.equal(total.repeat_day_count, expected.repurchase.customers_ge2_days);
        assertRate(total.repeat_day_ppm, expected.repurchase.rate_ge2_days, "rate_ge2_days");
    });
    for (const [i, row] of total.repurchase.entries()) {
        await t.test(`figures: matured repurchase within ${row.within_days} days`, () => {
            assert.equal(row.repeat_count, matured.numerators[i]);
            assert.equal(row.matured_count, matured.denominators[i]);
            assertRate(row.rate_ppm, matured.rates[i], "matured");
            assertRate(row.all_rate_ppm, expected.repurchase.naive_30_90_180_over_all[i], "naive");
        });
    }
    await t.test("figures: the rows add up", () => {
        const sum = (of, key) => of.reduce((all, row) => all + row[key], 0);
        for (const of of [rows, byRfm.rows, byFirst.rows]) {
            assert.equal(sum(of, "order_count"), total.order_count);
            assert.equal(sum(of, "paid_fen"), total.paid_fen);
            assert.equal(sum(of, "first_count"), total.first_count);
        }
        assert.equal(sum(byRfm.rows, "lost_count"), total.lost_count);
        assert.equal(sum(byFirst.rows, "aged_count"), total.aged_count);
        assert.deepEqual(rows.at(-1).lost_count, total.lost_count);
        assert.deepEqual(rows.map((row) => row.key), readCsv("expected_monthly.csv").map((row) => row.mon));
    });
}

async function checkMatrix(t, ask) {
    const matrix = await ask(`/api/layers/matrix?${PERIOD}&by=state,recency`);

    await t.test("matrix: each cell opens its customers", async () => {
        for (const cell of matrix.cells) {
            const page = await ask(
                `/api/layers/customers?${PERIOD}&state=${cell.state}&recency=${cell.recency}&limit=1`);
            assert.equal(page.total_count, cell.customer_count);
            assert.equal(page.total_paid_fen, cell.paid_fen);
        }
        assert.equal(matrix.customer_count, 4372); // with those who only ever cancelled
    });
    await t.test("cohorts: a cell opens its customers", async () => {
        const page = await ask(`/api/layers/customers?${PERIOD}&first_month=2010-12&active_month_number=11&limit=1`);
        assert.equal(page.total_count, Number(readCsv("expected_cohort_matrix.csv")[0][11]));
    });
}

test("Online Retail: a year of a real shop", { skip, timeout: 900_000 }, async (t) => {
    const folder = makeFolder(t), files = makeFolder(t), file = unpack(files);
    const expected = JSON.parse(readFileSync(join(data, "expected.json"), "utf8"));
    let server = await startServer(t, folder);
    const person = await setUp(server, { zone: "Europe/London", currency: "GBP", brand_name: "Online Retail" });
    const ask = async (path) => {
        const { status, json } = await person.ask(path);
        assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
        return json;
    };

    await server.kill();
    const first = importFile(folder, file);
    await t.test("the import takes every row", () => {
        assert.equal(first.read, expected.raw.rows);
        assert.equal(first.accepted, expected.raw.rows);
        assert.equal(first.changed, expected.raw.rows);
        assert.equal(first.reject_file, null);
    });
    server = await startServer(t, folder);
    person.url = server.url;
    await checkRaw(t, ask, expected);
    await checkOverview(t, ask, expected);
    await checkMonths(t, ask);
    await checkCohorts(t, ask);
    await checkRfm(t, ask, expected);
    await checkFigures(t, ask, expected);
    await checkMatrix(t, ask);

    const again = importFile(folder, file); // while the server runs
    await t.test("the same file again changes nothing", async () => {
        assert.equal(again.accepted, expected.raw.rows);
        assert.equal(again.changed, 0);
        assert.equal((await ask("/api/overview/raw")).line_count, expected.raw.rows);
    });
    await server.kill();
    await t.test("papilio check", () => {
        const check = papilio(["check", "--data", folder]);
        assert.equal(check.code, 0, check.out + check.err);
    });
});
