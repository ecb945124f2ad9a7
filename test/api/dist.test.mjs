// What `make dist` packs: the program with the console inside, alone in an empty folder; the Debian package.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { makeFolder, password, Person, program, startServer } from "./papilio.mjs";

const pages = resolve("build/web/admin");
const version = readFileSync("CMakeLists.txt", "utf8").match(/^project\(papilio VERSION ([0-9.]+)/m)[1];
const ends = [];
let root; // the package, unpacked
let server;

function run(command, ...args) {
    const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, timeout: 120_000 });
    assert.equal(done.status, 0, `${command} ${args.join(" ")}: ${done.error ?? done.stderr}`);
    return done.stdout;
}

const has = (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
const deb = () => resolve("build", `papilio_${version}_${run("dpkg", "--print-architecture").trim()}.deb`);

function ask(path, headers = {}, method = "GET") {
    return new Promise((done, refuse) => {
        httpGet(server.url + path, { headers, method, agent: false }, (reply) => {
            const parts = [];
            reply.on("data", (part) => parts.push(part));
            reply.on("end", () => done({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts) }));
        }).on("error", refuse);
    });
}

// The files a browser may ask for, not their packed forms.
function files(folder = "") {
    return readdirSync(join(pages, folder), { withFileTypes: true }).flatMap((entry) => {
        const path = `${folder}/${entry.name}`;
        if (entry.name.startsWith("."))
            return [];
        return entry.isDirectory() ? files(path) : /\.(br|gz)$/.test(entry.name) ? [] : [path];
    });
}

before(async () => {
    const t = { after: (end) => ends.unshift(end) };
    assert.ok(existsSync(deb()), "make dist comes first");
    root = mkdtempSync(join(tmpdir(), "papilio-deb-"));
    t.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
    run("dpkg-deb", "-x", deb(), root);
    const alone = makeFolder(t);
    cpSync(join(root, "usr/bin/papilio"), join(alone, "papilio"));
    server = await startServer(t, join(alone, "data"), [], join(alone, "papilio"));
});

after(() => ends.forEach((end) => end()));

test("the program alone serves every file of the console, in every form", async () => {
    const paths = files();
    const forms = { br: brotliDecompressSync, gzip: gunzipSync, identity: (bytes) => bytes };
    let packed = 0;
    assert.ok(paths.length > 20, `${paths.length} files`);
    for (const path of paths) {
        const bytes = readFileSync(pages + path);
        const etags = new Set();
        for (const [form, unpack] of Object.entries(forms)) {
            const reply = await ask(path, { "Accept-Encoding": form });
            assert.equal(reply.status, 200, path);
            const sent = reply.headers["content-encoding"] ?? "identity";
            assert.ok(sent === form || sent === "identity", `${path}: ${sent} for ${form}`);
            assert.deepEqual(sent === "identity" ? reply.body : unpack(reply.body), bytes, `${path} as ${form}`);
            packed += sent === "br" ? 1 : 0;
            etags.add(reply.headers.etag);
            if (bytes.length >= 512 && /\.(js|css|html)$/.test(path))
                assert.equal(sent, form, `${path} is ${bytes.length} bytes`);
            assert.equal(reply.headers["cache-control"],
                path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache", path);
            const again = await ask(path, { "Accept-Encoding": form, "If-None-Match": reply.headers.etag });
            assert.equal(again.status, 304, path);
            const head = await ask(path, { "Accept-Encoding": form }, "HEAD");
            assert.equal(head.headers["content-length"], String(reply.body.length), path);
            assert.equal(head.body.length, 0);
        }
        const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
        assert.ok(etags.has(`"${digest}"`), `${path}: ${[...etags]}`);
        const part = await ask(path, { Range: "bytes=1-3", "Accept-Encoding": "br" });
        assert.equal(part.status, 206);
        assert.deepEqual(part.body, bytes.subarray(1, 4));
    }
    assert.ok(packed > 20, `${packed} came as brotli`);
});

test("pages of the console, what the page asks for, and an account", async () => {
    const index = await ask("/customers");
    const wanted = [...index.body.toString().matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]);
    assert.match(index.headers["content-type"], /^text\/html/);
    assert.match(index.headers["content-security-policy"], /default-src 'self'/);
    assert.ok(wanted.length >= 2);
    for (const path of wanted)
        assert.equal((await ask(path)).status, 200, path);
    assert.equal((await ask("/assets/none.js")).status, 404);
    assert.equal((await ask("/.vite/manifest.json")).status, 404);
    const person = new Person(server.url);
    const { status } = await person.ask("/api/setup", { token: server.setup, login: "admin", name: "Admin", password,
        brand_name: "Test", zone: "Asia/Shanghai", currency: "CNY" });
    assert.equal(status, 200);
});

test("what lies in the package", { skip: !has("dpkg-deb") && "no dpkg" }, () => {
    const list = run("dpkg-deb", "-c", deb()).trim().split("\n").map((line) => line.split(/\s+/));
    const modes = Object.fromEntries(list.filter(([mode]) => mode[0] === "-").map(([mode, , , , , path]) => [path, mode]));
    assert.deepEqual(Object.keys(modes).sort(), ["./etc/papilio/papilio.conf", "./lib/systemd/system/papilio.service",
        "./usr/bin/papilio", "./usr/share/doc/papilio/CHANGELOG.md.gz", "./usr/share/doc/papilio/changelog.gz", "./usr/share/doc/papilio/copyright",
        "./usr/share/doc/papilio/ops.md", "./usr/share/man/man1/papilio.1.gz"]);
    for (const [path, mode] of Object.entries(modes))
        assert.equal(mode, path === "./usr/bin/papilio" ? "-rwxr-xr-x" : "-rw-r--r--", path);
    for (const [, owner] of list)
        assert.equal(owner, "root/root");
    assert.equal(run("dpkg-deb", "-f", deb(), "Version").trim(), version);
    assert.equal(run("dpkg-deb", "-I", deb(), "conffiles").trim(), "/etc/papilio/papilio.conf");
    const depends = run("dpkg-deb", "-f", deb(), "Depends");
    for (const name of ["libc6", "libsqlite3-0", "libuv1", "libssl3", "libcurl4", "libsodium23", "adduser", "tzdata"])
        assert.match(depends, new RegExp(`(^|, )${name}\\b`));
    assert.equal(run(join(root, "usr/bin/papilio"), "version").trim(), `papilio ${version}`);
    assert.ok(statSync(join(root, "usr/bin/papilio")).size < 32 << 20);
    const text = readFileSync(join(root, "usr/bin/papilio"));
    // A short name of that folder alone may be part of any text, as /app of a path on the web.
    assert.deepEqual(["src", "build", "web"].filter((name) => text.includes(`${resolve(name)}/`)), [], "the folder it was built in is in the program");
});

test("installing, upgrading, removing and purging leave the data", { skip: process.getuid() !== 0 && "needs root" }, () => {
    const control = mkdtempSync(join(tmpdir(), "papilio-deb-"));
    run("dpkg-deb", "-e", deb(), control);
    for (const script of ["postinst", "prerm", "postrm"])
        run("sh", "-n", join(control, script));
    const tree = join(control, "root");
    run("mkdir", "-p", join(tree, "var/lib/dpkg/updates"), join(tree, "var/lib/dpkg/info"));
    run("touch", join(tree, "var/lib/dpkg/status"));
    // The scripts would act on this machine: empty ones take their place.
    const dpkg = (...args) => run("dpkg", `--root=${tree}`, "--force-not-root,depends,script-chrootless",
        "--log=/dev/null", ...args);
    const quiet = join(control, "quiet");
    run("dpkg-deb", "-R", deb(), quiet);
    for (const script of ["postinst", "prerm", "postrm"])
        writeFileSync(join(quiet, "DEBIAN", script), "#!/bin/sh\n");
    run("dpkg-deb", "--root-owner-group", "-b", quiet, join(control, "quiet.deb"));
    dpkg("-i", join(control, "quiet.deb"));
    assert.equal(run(join(tree, "usr/bin/papilio"), "version").trim(), `papilio ${version}`);
    run("mkdir", "-p", join(tree, "var/lib/papilio"));
    writeFileSync(join(tree, "var/lib/papilio/papilio.db"), "x");
    writeFileSync(join(tree, "etc/papilio/papilio.conf"), "# mine\n");
    dpkg("-i", join(control, "quiet.deb"));
    assert.match(readFileSync(join(tree, "etc/papilio/papilio.conf"), "utf8"), /# mine/, "an upgrade keeps what was set");
    dpkg("--remove", "papilio");
    assert.equal(existsSync(join(tree, "usr/bin/papilio")), false);
    assert.equal(existsSync(join(tree, "etc/papilio/papilio.conf")), true);
    dpkg("--purge", "papilio");
    assert.equal(existsSync(join(tree, "etc/papilio/papilio.conf")), false);
    assert.equal(existsSync(join(tree, "var/lib/papilio/papilio.db")), true);
    rmSync(control, { recursive: true, force: true });
});

test("the service is shut in", { skip: !has("systemd-analyze") && "no systemd" }, () => {
    const unit = join(root, "lib/systemd/system/papilio.service");
    run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit);
    const text = readFileSync(unit, "utf8");
    for (const line of ["User=papilio", "ProtectSystem=strict", "StateDirectory=papilio", "NoNewPrivileges=yes",
        "PrivateTmp=yes", "MemoryDenyWriteExecute=yes", "CapabilityBoundingSet="])
        assert.ok(text.split("\n").includes(line), line);
    const start = text.match(/^ExecStart=(\S+) (\S+)/m);
    assert.ok(existsSync(root + start[1]));
    assert.equal(start[2], "serve");
});

test("the manual page: clean, and every command and option is in it", { skip: !has("groff") && "no groff" }, () => {
    const page = join(root, "usr/share/man/man1/papilio.1.gz");
    const source = gunzipSync(readFileSync(page)).toString();
    const done = spawnSync("groff", ["-ww", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u"], { input: source, encoding: "utf8" });
    assert.equal(done.stderr, "", "groff's warnings");
    const text = done.stdout.replace(/\u2010\n\s*/g, "").replace(/\s+/g, " ").replace(/[\u2010\u2212]/g, "-");
    const help = run(program, "help");
    const commands = [...help.matchAll(/^ {2}papilio ([a-z]+(?: add| password)?)/gm)].map((match) => match[1]);
    assert.ok(commands.length > 7);
    for (const command of commands)
        assert.ok(text.includes(`papilio ${command}`), command);
    const options = [...readFileSync("src/main.c", "utf8").matchAll(/\{"(--[a-z-]+)",/g)].map((match) => match[1]);
    assert.ok(options.length > 10);
    for (const option of options)
        assert.ok(text.includes(option), option);
});
