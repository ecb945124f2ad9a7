/* What the pages of segments share: asking how many a draft has, and why somebody is in it. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { api, take, type ApiError, type Reply } from '@papilio/api'
import { isWaiting } from '@/lib/audience'
import { asApiError } from '@/lib/load'
import type { Condition, Events } from './model/wire'

export const CURVE_DAYS = 14
const VALUES_MAX = 50
const TYPING_MS = 350
const AGAIN_MS = 1_500

export interface Query {
    version: 1
    ask: 'segment'
    zone?: string
    who?: Condition
}
export type Count = Reply<'/api/audience/count', 'post'>

/** The question of a tree; the rest of what it had stays. Nobody in particular is everyone. */
export function queryOf(who: Condition | undefined, from?: Query): Query {
    const query: Query = { ...(from ?? { version: 1, ask: 'segment' }), who }
    if (!who) delete query.who
    return query
}
export async function countOf(query: Query, curve_days: number, signal: AbortSignal): Promise<Count> {
    return await take(api.POST('/api/audience/count', { body: { query: query as never, ...(curve_days && { curve_days }) }, signal }))
}

/** The values most people have of a property or an attribute, to choose from. */
export async function valuesOf(by: { property: string } | { attribute: string }, events: Events = {}): Promise<string[]> {
    const query = { version: 1, ask: 'breakdown', events, by, limit: VALUES_MAX }
    const { rows } = await take(api.POST('/api/audience/query', { body: { query: query as never } }))
    return (rows as unknown as unknown[][]).map(([value]) => value).filter((value): value is string => typeof value === 'string' && value !== '')
}

/** How many are meant, while it is edited: a little after the last change, the question before is given up. */
export function useCount(query: Ref<Query | undefined>) {
    const count = shallowRef<Count>()
    const error = shallowRef<ApiError>()
    const isBusy = ref(false)
    const text = computed(() => (query.value ? JSON.stringify(query.value) : ''))
    let timer: number | undefined
    let current: AbortController | undefined

    async function ask(): Promise<void> {
        const mine = new AbortController()
        current = mine
        isBusy.value = true
        try {
            const next = await countOf(JSON.parse(text.value) as Query, CURVE_DAYS, mine.signal)
            if (current !== mine) return
            count.value = next
            error.value = undefined
        } catch (cause) {
            if (current !== mine) return
            error.value = asApiError(cause)
            if (isWaiting(error.value)) timer = window.setTimeout(() => void ask(), AGAIN_MS)
        } finally {
            if (current === mine) isBusy.value = false
        }
    }
    function again(afterMs = 0): void {
        window.clearTimeout(timer)
        current?.abort()
        current = undefined
        isBusy.value = false
        if (text.value) timer = window.setTimeout(() => void ask(), afterMs)
    }
    watch(text, () => again(TYPING_MS), { flush: 'post' })
    again()
    onScopeDispose(() => {
        window.clearTimeout(timer)
        current?.abort()
        current = undefined
    })
    return { count, error, isBusy, again }
}
