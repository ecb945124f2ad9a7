// A giveaway that runs, and many who claim at once.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";

export const connections = 64;
const agent = new Agent({ keepAlive: true, maxSockets: connections });

// As Person.ask, over one of 64 kept connections. Rejects when the server goes away.
export function send(person, path, body, key) {
    const text = JSON.stringify(body);
    return new Promise((done, refuse) => {
        const sent = request(person.url + path, {
            agent, method: "POST",
            headers: {
                "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), "Idempotency-Key": key,
                Cookie: person.cookie, "X-CSRF-Token": person.csrf,
            },
        }, (reply) => {
            let answer = "";
            reply.setEncoding("utf8").on("data", (part) => { answer += part; }).on("error", refuse)
                .on("end", () => done({ status: reply.statusCode, json: answer ? JSON.parse(answer) : null }));
        });
        sent.on("error", refuse).end(text);
    });
}

// Does it for 0 .. count - 1, so many at a time as there are connections.
export async function eachAtOnce(count, work) {
    let next = 0;
    await Promise.all(Array.from({ length: connections }, async () => {
        while (next < count)
            await work(next++);
    }));
}

export async function good(reply) {
    const { status, json } = await reply;
    assert.equal(status, 200, JSON.stringify(json));
    return json;
}

// Ids of so many customers, as text.
export async function makeCustomers(person, count) {
    const ids = [];
    await eachAtOnce(count, async (i) => {
        ids[i] = (await good(send(person, "/api/customers", { phone: String(13900000000 + i) }, `customer ${i}`))).id;
    });
    return ids;
}

// Funded, published and running; its id.
export async function makeGiveaway(person, rules) {
    const { id } = await good(person.ask("/api/campaigns",
        { kind: "giveaway", title: "Many", rules, ends_ms: Date.now() + 30 * 86_400_000 }));
    await good(person.ask(`/api/campaigns/${id}/budget`,
        { unit: "points", amount: rules.stock_count * rules.points_count, reason: "test" }, { "Idempotency-Key": `budget ${id}` }));
    for (const to_status of ["in_review", "scheduled"])
        await good(person.ask(`/api/campaigns/${id}/move`, { to_status }));
    while ((await good(person.ask(`/api/campaigns/${id}`))).status !== "running")
        await new Promise((done) => setTimeout(done, 50));
    return id;
}
