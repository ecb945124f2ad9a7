// docs/query.schema.json takes what the reader takes: both are held to test/data/query.json. Where a fault lies beyond what a
// schema can see (names, dates, two numbers in order), the example says so; then nothing is asked of the schema.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";

const read = (path) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const validate = new Ajv2020({ strict: false }).compile(read("docs/query.schema.json"));
const examples = read("test/data/query.json");
const queryOf = (example) => example.query ?? { version: 1, ask: "segment", who: example.who };

test("what the reader takes, the schema takes", () => {
    const taken = examples.filter((example) => !example.code);
    assert.ok(taken.length > 60);
    for (const example of taken)
        assert.ok(validate(queryOf(example)), `${example.name}: ${JSON.stringify(validate.errors).slice(0, 500)}`);
});

test("what the reader refuses, the schema refuses as far as it can see", () => {
    const refused = examples.filter((example) => example.code && !example.beyond_schema);
    assert.ok(refused.length > 50);
    for (const example of refused)
        assert.ok(!validate(queryOf(example)), example.name);
});

test("the guide's examples are questions", () => {
    const guide = readFileSync(new URL("../../docs/query.md", import.meta.url), "utf8");
    const questions = [...guide.matchAll(/```json\n([^`]+)```/g)].flatMap(([, text]) => text.split(/\n(?=\{)/)).map((text) => JSON.parse(text));
    for (const question of questions)
        assert.ok(validate(question), JSON.stringify(question));
    assert.equal(new Set(questions.map((one) => one.ask)).size, 10); // one of each
});
