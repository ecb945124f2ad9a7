/* Data of a page: what is shown stays while newer is fetched, the last question asked is the one answered. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from 'vue'
import { ApiError } from '@papilio/api'

export interface Loaded<T> {
    data: ShallowRef<T | undefined>
    error: ShallowRef<ApiError | undefined>
    isLoading: Ref<boolean>
    reload: () => Promise<void>
}

export function asApiError(cause: unknown): ApiError {
    return cause instanceof ApiError ? cause : new ApiError(0, 'page.failed', String(cause))
}

export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: WatchSource[] = []): Loaded<T> {
    const data = shallowRef<T>()
    const error = shallowRef<ApiError>()
    const isLoading = ref(false)
    let current: AbortController | undefined

    async function reload(): Promise<void> {
        current?.abort()
        const mine = new AbortController()
        current = mine
        isLoading.value = true
        try {
            const next = await load(mine.signal)
            if (current !== mine) return
            data.value = next
            error.value = undefined
        } catch (cause) {
            if (current !== mine) return
            error.value = asApiError(cause)
        } finally {
            if (current === mine) isLoading.value = false
        }
    }

    watch(deps, () => void reload(), { immediate: true })
    onScopeDispose(() => {
        current?.abort()
        current = undefined
    })
    return { data, error, isLoading, reload }
}

/** A list read page by page through its cursor. */
export interface Paged<T, P> extends Omit<Loaded<P>, 'data'> {
    items: ShallowRef<T[]>
    page: ShallowRef<P | undefined> // the first one, with its totals
    hasMore: Ref<boolean>
    isLoadingMore: Ref<boolean>
    loadMore: () => Promise<void>
    refresh: () => Promise<void> // for what changed meanwhile: whoever has read on is not thrown back to the top
}

interface Page<T> {
    items: T[]
    next_cursor?: string | null
}

export function usePages<T, P extends Page<T>>(
    load: (cursor: string | undefined, signal: AbortSignal) => Promise<P>,
    deps: WatchSource[] = [],
): Paged<T, P> {
    const items = shallowRef<T[]>([])
    const cursor = ref<string>()
    const hasMore = ref(false)
    const isLoadingMore = ref(false)
    let generation = 0

    function follow(page: P): void {
        cursor.value = page.next_cursor ?? undefined
        hasMore.value = cursor.value !== undefined && cursor.value !== ''
    }
    const first = useLoad(async (signal) => {
        const page = await load(undefined, signal)
        if (signal.aborted) return page
        generation++
        items.value = page.items
        follow(page)
        return page
    }, deps)

    async function loadMore(): Promise<void> {
        if (isLoadingMore.value || !hasMore.value) return
        const mine = generation
        isLoadingMore.value = true
        try {
            const page = await load(cursor.value, new AbortController().signal)
            if (mine !== generation) return
            items.value = [...items.value, ...page.items]
            follow(page)
            first.error.value = undefined
        } catch (cause) {
            if (mine === generation) first.error.value = asApiError(cause)
        } finally {
            isLoadingMore.value = false
        }
    }
    const { data: page, error, isLoading, reload } = first
    const refresh = async () => {
        if (items.value.length <= (page.value?.items.length ?? 0)) await reload()
    }
    return { items, page, error, isLoading, reload, refresh, hasMore, isLoadingMore, loadMore }
}
