// Stands between a node and its PostgreSQL and, at a moment that is chosen by what passes, holds or cuts the connection.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const socket = ".s.PGSQL.5432";
const commit = Buffer.from("COMMIT\0");

export async function startProxy(t, schema) {
    const folder = mkdtempSync(join(tmpdir(), "papilio-proxy-"));
    // hold, cut: what a statement carries as a value; from it on the connection waits, or loses its next commit.
    const proxy = {
        hold: null, cut: null, loses: "answer", isDown: false, hasCut: false, cutCount: 0,
        url: `postgres://?host=${encodeURIComponent(folder)}&options=-csearch_path%3D${schema.name}`,
    };
    const pairs = new Set(), held = new Set();
    Object.defineProperty(proxy, "isHolding", { get: () => held.size > 0 });
    proxy.release = () => {
        proxy.hold = null;
        for (const pair of held)
            pair.pass();
        held.clear();
    };
    const down = () => {
        Object.assign(proxy, { isDown: true, hasCut: true, cut: null, cutCount: proxy.cutCount + 1 });
        for (const { node, base } of pairs) {
            node.destroy();
            base.destroy();
        }
    };
    const server = createServer((node) => {
        if (proxy.isDown)
            return node.destroy();
        const base = connect(join(process.env.PGHOST, socket)), pair = { node, base, waiting: [], isMarked: false, isDeaf: false };
        pairs.add(pair);
        pair.pass = () => {
            for (const bytes of pair.waiting.splice(0))
                forward(bytes);
        };
        const forward = (bytes) => {
            pair.isMarked ||= proxy.cut !== null && bytes.includes(proxy.cut);
            if (pair.isMarked && bytes.includes(commit)) {
                if (proxy.loses === "request")
                    return down();
                pair.isDeaf = true;
            }
            base.write(bytes);
        };
        node.on("data", (bytes) => {
            pair.waiting.push(bytes);
            if (held.has(pair) || (proxy.hold !== null && bytes.includes(proxy.hold)))
                held.add(pair);
            else
                pair.pass();
        });
        base.on("data", (bytes) => {
            if (!pair.isDeaf)
                node.write(bytes);
            else if (bytes.includes(commit)) // the base says that it is done; nobody hears it
                down();
        });
        for (const [one, other] of [[node, base], [base, node]]) {
            one.on("error", () => {});
            one.on("close", () => { pairs.delete(pair); held.delete(pair); other.destroy(); });
        }
    });
    await new Promise((done) => server.listen(join(folder, socket), done));
    t.after(() => {
        down();
        server.close();
        rmSync(folder, { recursive: true, force: true });
    });
    return proxy;
}
