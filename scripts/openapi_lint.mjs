// Lints an OpenAPI document with Redocly's rules: openapi_lint.mjs FILE. Ends with 1 when a rule was broken.
import { readFileSync } from "node:fs";
import core from "@redocly/openapi-core";

const file = process.argv[2];
const rules = { extends: ["recommended"], rules: { "operation-4xx-response": "error", "info-license": "error" } };
const config = await core.createConfig(rules);
const problems = await core.lintFromString({ source: readFileSync(file, "utf8"), absoluteRef: file, config });
for (const { severity, ruleId, message, location } of problems)
    console.log(`${severity} ${ruleId} ${location?.[0]?.pointer ?? ""}: ${message}`);
console.log(`${file}: ${problems.length} problems`);
process.exitCode = problems.length ? 1 : 0;
