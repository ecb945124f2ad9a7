/* The server tells which topics changed; pages that show them refetch, at most once in a while and only when looked at. */
import { onMounted, onUnmounted } from 'vue'

type Listener = { topics: string[]; tell: () => void }

const listeners = new Set<Listener>()
let source: EventSource | undefined

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

export function openLive(): void {
    if (source) return
    source = new EventSource('/api/live')
    source.addEventListener('topic', onTopics)
}

export function closeLive(): void {
    source?.close()
    source = undefined
}

export function useLive(topics: string[], refetch: () => Promise<unknown> | void, everyMs = 3_000): void {
    let timer: number | undefined
    let lastMs = 0
    const run = () => {
        timer = undefined
        if (document.hidden) {
            document.addEventListener('visibilitychange', run, { once: true })
            return
        }
        lastMs = Date.now()
        void refetch()
    }
    const listener: Listener = {
        topics,
        tell: () => {
            timer ??= window.setTimeout(run, Math.max(600, lastMs + everyMs - Date.now()))
        },
    }
    onMounted(() => listeners.add(listener))
    onUnmounted(() => {
        listeners.delete(listener)
        window.clearTimeout(timer)
        document.removeEventListener('visibilitychange', run)
    })
}
