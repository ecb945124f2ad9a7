// The operators' guide against what it is about: every word in 「」 stands in the console, every picture is there, is taken by
// test/e2e/guide.test.mjs and is small, every link leads somewhere, and every page is listed.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/guide");
const images = join(root, "docs/images/guide");
const pages = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
const IMAGE_BYTES_MAX = 150_000;
const ALL_BYTES_MAX = 2_500_000;

function leavesOf(value) {
    return typeof value === "string" ? [value] : Object.values(value).flatMap(leavesOf);
}

// What the console can show: its own texts, and the titles of settings and rights, which come from the server.
async function consoleTexts() {
    const source = readFileSync(join(root, "web/admin/src/i18n/zh.ts"), "utf8").replace(/\bas const\b/g, "");
    const { default: zh } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    const served = ["src/manage/setting/setting.c", "src/manage/staff/right.c"]
        .flatMap((path) => [...readFileSync(join(root, path), "utf8").matchAll(/"([^"\n]*[\u4e00-\u9fff][^"\n]*)"/g)])
        .map(([, text]) => text);
    return [...leavesOf(zh), ...served];
}

const literal = (text) => text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");

test("every word in 「」 is one of the console's", async () => {
    const texts = await consoleTexts();
    const plain = new Set(texts);
    const filled = texts.filter((text) => /\{\w+\}/.test(text) && text.replace(/\{\w+\}/g, "").trim().length > 1)
        .map((text) => new RegExp(`^${literal(text).replace(/\{\w+\}/g, ".+")}$`));
    const unknown = pages.flatMap(({ name, text }) => [...text.matchAll(/「([^」\n]+)」/g)]
        .filter(([, word]) => !plain.has(word) && !filled.some((pattern) => pattern.test(word)))
        .map(([, word]) => `${name}: ${word}`));
    assert.ok(texts.length > 500, "the console's texts were not found");
    assert.deepEqual(unknown, []);
});

test("pictures and links lead somewhere; every page is listed", () => {
    const lost = pages.flatMap(({ name, text }) => [...text.matchAll(/\]\(([^)#]+)\)/g)]
        .filter(([, to]) => !/^https?:/.test(to) && !existsSync(join(folder, to))).map(([, to]) => `${name}: ${to}`));
    assert.deepEqual(lost, []);
    const index = pages.find(({ name }) => name === "README.md").text;
    assert.deepEqual(pages.filter(({ name }) => name !== "README.md" && !index.includes(`(${name})`)), []);
});

test("the pictures are those the browser test takes, all in use, and small", () => {
    const taken = [...readFileSync(join(root, "test/e2e/guide.test.mjs"), "utf8").matchAll(/\bshot\(page, '([a-z-]+)'/g)].map(([, name]) => `${name}.png`);
    const tabs = ["rfm", "matrix", "cohort", "figures"].map((tab) => `layer-${tab}.png`); // named in a loop
    const kept = readdirSync(images).sort();
    assert.deepEqual(kept, [...taken, ...tabs].sort());
    const used = new Set(pages.flatMap(({ text }) => [...text.matchAll(/images\/guide\/([a-z-]+\.png)\)/g)].map(([, name]) => name)));
    assert.deepEqual(kept.filter((name) => !used.has(name)), []);
    const sizes = kept.map((name) => statSync(join(images, name)).size);
    assert.ok(Math.max(...sizes) < IMAGE_BYTES_MAX && sizes.reduce((sum, size) => sum + size, 0) < ALL_BYTES_MAX);
});

// What is said of paths of the API is true as well: each route named in the guide is a row of some table.
test("every route the guide names is one", () => {
    const rows = readdirSync(join(root, "src"), { recursive: true }).filter((name) => name.endsWith(".c"))
        .flatMap((name) => [...readFileSync(join(root, "src", name), "utf8").matchAll(/\bHTTP_(GET|POST),\s*"(\/[^"]+)"/g)])
        .map(([, method, path]) => `${method} ${path}`).concat("GET /api/openapi.json"); // answered before the rows are asked
    const named = pages.flatMap(({ text }) => [...text.matchAll(/`(GET|POST) (\/api\/[^`\s]+)`/g)]).map(([, method, path]) => `${method} ${path}`);
    assert.deepEqual(named.filter((route) => !rows.includes(route)), []);
});
