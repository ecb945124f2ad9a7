/* The server tells which topics changed; pages that show them refetch: when looked at, one refetch at a time and at most one
 * about every second. While the stream is down they ask again by themselves. */
import { onMounted, onUnmounted } from 'vue'

type Listener = { topics: string[]; tell: () => void }

const SOON_MS = 300 // lets what is committed together be fetched together
const DOWN_MS = 10_000
const listeners = new Set<Listener>()
let source: EventSource | undefined
let poll: number | undefined

function onTopics(event: MessageEvent<string>): void {
    let topics: string[] = []
    try {
        topics = (JSON.parse(event.data) as { topics?: string[] }).topics ?? []
    } catch {
        return
    }
    for (const listener of listeners) {
        if (listener.topics.some((topic) => topics.includes(topic))) listener.tell()
    }
}

function tellAll(): void {
    for (const listener of listeners) listener.tell()
}

/* What happened while nobody listened is not told later: all refetch when the stream is back. */
function onOpen(): void {
    if (poll === undefined) return
    window.clearInterval(poll)
    poll = undefined
    tellAll()
}

function onDown(): void {
    poll ??= window.setInterval(tellAll, DOWN_MS)
    if (source?.readyState === EventSource.CLOSED) window.setTimeout(reopen, DOWN_MS)
}

/* The browser comes back by itself unless it was refused. */
function reopen(): void {
    if (source?.readyState !== EventSource.CLOSED) return
    source = undefined
    openLive()
}

export function openLive(): void {
    if (source) return
    source = new EventSource('/api/live')
    source.addEventListener('topic', onTopics)
    source.addEventListener('open', onOpen)
    source.addEventListener('error', onDown)
}

export function closeLive(): void {
    source?.close()
    source = undefined
    window.clearInterval(poll)
    poll = undefined
}

export function useLive(topics: string[], refetch: () => Promise<unknown> | void, everyMs = 1_000): void {
    let timer: number | undefined
    let lastMs = 0
    let isBusy = false
    let isStale = false
    const run = async () => {
        timer = undefined
        if (document.hidden) {
            document.addEventListener('visibilitychange', listener.tell, { once: true })
            return
        }
        isBusy = true
        lastMs = Date.now()
        try {
            await refetch()
        } finally {
            isBusy = false
            if (isStale) listener.tell()
        }
    }
    const listener: Listener = {
        topics,
        tell: () => {
            isStale = isBusy
            if (!isBusy && listeners.has(listener)) timer ??= window.setTimeout(run, Math.max(SOON_MS, lastMs + everyMs - Date.now()))
        },
    }
    onMounted(() => listeners.add(listener))
    onUnmounted(() => {
        listeners.delete(listener)
        window.clearTimeout(timer)
        document.removeEventListener('visibilitychange', listener.tell)
    })
}
