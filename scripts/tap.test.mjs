import assert from "node:assert";
import test from "node:test";
import { countProgram, readJunit, readNodeSummary, readTap, tellingLines } from "./tap.mjs";

const pick = ({ passed, failed, skipped }) => [passed, failed, skipped];

test("cases are counted, skips apart", () => {
    const text = "1..4\nnoise\nok 1 - a\nnot ok 2 - b\n# why\nnot ok 3 # SKIP k\nok 4 - d\n# ok - one\n";
    assert.deepEqual(pick(readTap(text)), [2, 1, 1]);
});

test("a crash in the middle fails what was announced", () => {
    assert.deepEqual(pick(readTap("1..4\nok 1 - a\n")), [1, 3, 0]);
    assert.deepEqual(pick(readTap("1..2\nok 1 - a\n1..1\nok 1 - b\n")), [2, 1, 0]);
});

test("a program without TAP is one case", () => {
    assert.deepEqual(pick(countProgram({ isOk: true, output: "fine" })), [1, 0, 0]);
    assert.deepEqual(pick(countProgram({ isOk: false, output: "" })), [0, 1, 0]);
});

test("all cases ok but a bad exit, as from the leak checker, is a failure", () => {
    assert.deepEqual(pick(countProgram({ isOk: false, output: "1..1\nok 1 - a\n" })), [1, 1, 0]);
});

test("junit", () => {
    const xml = '<testsuite><testcase name="a/b" classname="x" time="1" status="fail"><failure message=""/>' +
        "<properties/><system-out>1..1\nok 1 - a &lt;b&gt;</system-out></testcase></testsuite>";
    assert.deepEqual(readJunit(xml), [{ name: "a/b", isOk: false, output: "1..1\nok 1 - a <b>" }]);
});

test("node's summary, and its absence", () => {
    const text = "# tests 3\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n";
    assert.deepEqual(pick(readNodeSummary(text)), [1, 2, 0]);
    assert.deepEqual(pick(readNodeSummary("Segmentation fault")), [0, 1, 0]);
});

test("the lines that say why, at most so many", () => {
    const text = "# fine\nnot ok 2 - b\n  ---\n    +   signal: 'SIGABRT'\n# the server ended by SIGABRT\nFatal glibc error: x\n";
    assert.deepEqual(tellingLines(text).length, 4);
    assert.deepEqual(tellingLines(text, 1), ["not ok 2 - b"]);
});
