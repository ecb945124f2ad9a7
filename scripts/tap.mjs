// Reads test output. A test that was announced and never reported has failed: that is what a crash looks like.

// TAP as cmocka prints it: one plan and one numbered list a group, several groups one after another.
export function readTap(text) {
    const sum = { passed: 0, failed: 0, skipped: 0, names: [] };
    let planned = 0, seen = 0;
    const closeGroup = () => {
        if (seen < planned) {
            sum.failed += planned - seen;
            sum.names.push(`${planned - seen} announced but never reported`);
        }
        planned = 0;
        seen = 0;
    };
    for (const line of text.split("\n")) {
        const plan = line.match(/^1\.\.(\d+)/);
        const result = line.match(/^(not ok|ok)\b\s*(\d*)\s*(.*)$/);
        if (plan) {
            closeGroup();
            planned = Number(plan[1]);
        } else if (result) {
            seen++;
            if (/#\s*SKIP/i.test(result[3]))
                sum.skipped++;
            else if (result[1] === "ok")
                sum.passed++;
            else {
                sum.failed++;
                sum.names.push(result[3].replace(/^-\s*/, ""));
            }
        }
    }
    closeGroup();
    return sum;
}

// The closing lines of node's test runner ("# pass 3").
export function readNodeSummary(text) {
    const count = (word) => {
        const found = [...text.matchAll(new RegExp(`^# ${word} (\\d+)$`, "gm"))].pop();
        return found ? Number(found[1]) : null;
    };
    if (count("pass") === null)
        return { passed: 0, failed: 1, skipped: 0, names: ["the test runner printed no summary"] };
    const names = [...text.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map((found) => found[1]);
    return {
        passed: count("pass"),
        failed: count("fail") + count("cancelled"),
        skipped: count("skipped") + count("todo"),
        names,
    };
}

// What ctest --output-junit wrote: each test with its outcome and what it printed.
export function readJunit(xml) {
    const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
        .replace(/&apos;/g, "'").replace(/&#(\d+);/g, (_, n) => String.fromCharCode(Number(n))).replace(/&amp;/g, "&");
    return [...xml.matchAll(/<testcase name="([^"]*)"[^>]*status="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)].map(
        ([, name, status, inner]) => ({
            name: unescape(name),
            isOk: status === "run",
            output: unescape(inner.match(/<system-out>([\s\S]*?)<\/system-out>/)?.[1] ?? ""),
        }));
}

// One program's result: its cases when it printed TAP, else the program itself is the case.
export function countProgram(test) {
    const sum = readTap(test.output);
    if (sum.passed + sum.failed + sum.skipped === 0)
        return { ...sum, passed: test.isOk ? 1 : 0, failed: test.isOk ? 0 : 1 };
    if (!test.isOk && sum.failed === 0)
        return { ...sum, failed: 1, names: ["the program itself failed"] };
    return sum;
}

// Of a failed program's output the few lines that say why.
export function tellingLines(output, most = 12) {
    const telling = /^\s*not ok|error|assert|must:|fatal|FAILED|ended by|timed out|[+-] {3}\S/i;
    return output.split("\n").filter((line) => telling.test(line)).slice(0, most).map((line) => line.slice(0, 200));
}
