/* Customers that questions name by id: found by name or phone, and called by their names. All names that a page asks for at once are
 * one read, and kept. */
import { shallowReactive } from 'vue'
import { defineStore } from 'pinia'
import { api, take } from '@papilio/api'

const FOUND_MAX = 8
const READ_MAX = 200

export const usePeople = defineStore('people', () => {
    const names = shallowReactive(new Map<string, string | null>())
    const asked = new Set<string>()
    let waiting: string[] = []

    async function read(ids: string[]): Promise<void> {
        try {
            const { items } = await take(api.GET('/api/customers/names', { params: { query: { ids: ids.join(',') } } }))
            const known = new Map(items.map(({ id, name }) => [id, name ?? '']))
            for (const id of ids) names.set(id, known.get(id) ?? null)
        } catch {
            for (const id of ids) asked.delete(id) // whoever shows it next asks again
        }
    }
    function readAll() {
        const all = waiting
        waiting = []
        for (let from = 0; from < all.length; from += READ_MAX) void read(all.slice(from, from + READ_MAX))
    }
    /** Undefined until it is known, empty where there is none, null of whom this one may not see. */
    function nameOf(id: string): string | null | undefined {
        if (!asked.has(id)) {
            asked.add(id)
            if (waiting.push(id) === 1) queueMicrotask(readAll)
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
