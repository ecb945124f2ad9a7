// Events posted while something dies: what was acknowledged, and what the base has of it.
import assert from "node:assert/strict";
import { nap, until } from "../api/papilio.mjs";

export const eventOf = (id) => ({
    message_id: id, kind: "page_viewed", properties: { url: `https://shop.example/${id}` },
    customer: { kind: "member_no", value: `m${id.length}-${id.charCodeAt(id.length - 1) % 7}` },
});

// Posts until told to stop or the server is gone. While the database is away the answer is a 503 that says so.
export async function post(person, name, acknowledged, state) {
    for (let i = 0; !state.isOver; i++) {
        const ids = Array.from({ length: i % 3 === 2 ? 20 : 1 }, (_, k) => `${name}-${i}-${k}`);
        let reply;
        try {
            reply = await person.ask("/api/v1/events", ids.length === 1 ? eventOf(ids[0]) : { events: ids.map(eventOf) });
        } catch {
            return;
        }
        if (reply.status === 200) {
            assert.equal(reply.json.accepted_count, ids.length);
            acknowledged.push(...ids);
            continue;
        }
        assert.equal(reply.status, 503, JSON.stringify(reply.json));
        assert.match(reply.json.error.code, /^(database\.lost|commit\.unknown|busy)/);
        state.codes.add(reply.json.error.code);
        await nap(20);
    }
}

function stored(schema) {
    const rows = schema.sql("SELECT properties::json ->> 'url', count(*) FROM journal WHERE kind = 'page_viewed' GROUP BY 1");
    return new Map(rows.split("\n").filter(Boolean).map((line) => {
        const [url, count] = line.split("|");
        return [url.slice("https://shop.example/".length), Number(count)];
    }));
}

// One more than there were, from somebody who posts meanwhile.
export function untilMore(acknowledged, codes, than = acknowledged.length) {
    return until(() => acknowledged.length > than, () => `nothing is taken any more: ${[...codes]}`);
}

export function verify(schema, acknowledged) {
    const there = stored(schema);
    assert.deepEqual(acknowledged.filter((id) => there.get(id) !== 1), []);
    assert.deepEqual([...there].filter(([, count]) => count !== 1), []);
}
