/* Customers that questions name by id: found by name or phone, and called by their names. A name is read when it is first asked for,
 * a few at a time, and kept. */
import { shallowReactive } from 'vue'
import { defineStore } from 'pinia'
import { api, take } from '@papilio/api'

const FOUND_MAX = 8
const AT_ONCE_MAX = 4

export const usePeople = defineStore('people', () => {
    const names = shallowReactive(new Map<string, string>())
    const asked = new Set<string>()
    const waiting: string[] = []
    let running = 0

    async function readOn(): Promise<void> {
        running += 1
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
            const mine = id
            /* Who is gone or out of reach keeps no name. */
            await take(api.GET('/api/customers/{customer_id}', { params: { path: { customer_id: mine } } })).then(
                (one) => names.set(mine, one.name ?? ''),
                () => names.set(mine, ''),
            )
        }
        running -= 1
    }
    /** Undefined until it is known, empty where there is none. */
    function nameOf(id: string): string | undefined {
        if (!asked.has(id)) {
            asked.add(id)
            waiting.push(id)
            if (running < AT_ONCE_MAX) void readOn()
        }
        return names.get(id)
    }
    async function find(search: string) {
        const { items } = await take(api.GET('/api/customers', { params: { query: { search, limit: FOUND_MAX } } }))
        for (const { id, name } of items) {
            asked.add(id)
            names.set(id, name ?? '')
        }
        return items
    }
    return { nameOf, find }
})
