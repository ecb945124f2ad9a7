/* The question of the page: it stands in the address, is asked as it is edited, and the last one asked is the one answered. */
import { computed, onScopeDispose, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { api, take } from '@papilio/api'
import { useLoad } from '@/lib/load'
import { ASKS, isWhole, PRESETS, queryOf, questionFrom, questionText, type Answer, type Ask, type Question } from './question'

const SOON_MS = 250

export function useAsk() {
    const route = useRoute()
    const router = useRouter()
    const ask = computed<Ask>(() => ASKS.find((one) => one === route.params.ask) ?? 'funnel')
    const question = computed<Question>(() => questionFrom(ask.value, route.query.q))
    const text = computed(() => questionText(question.value))
    const asked = ref(question.value)
    let soon: number | undefined

    const answer = useLoad<Answer>(
        async (signal) => {
            const one = asked.value
            const reply = await take(api.POST('/api/audience/query', { body: { query: queryOf(one) }, signal }))
            return { question: one, columns: reply.columns as string[], rows: reply.rows as Answer['rows'], eventCount: reply.event_count, asOfMs: reply.as_of_ms, elapsedUs: reply.elapsed_us }
        },
        [asked],
    )
    /* Another page's question is asked at once; edits when the hand rests and nothing is left open. */
    watch(text, () => {
        window.clearTimeout(soon)
        if (!isWhole(question.value)) return
        soon = window.setTimeout(() => (asked.value = question.value), asked.value.ask === question.value.ask ? SOON_MS : 0)
    })
    onScopeDispose(() => window.clearTimeout(soon))

    const change = (next: Question) => void router.replace({ query: { ...route.query, q: questionText(next) } })
    const open = (next: Question, report?: string) => void router.push({ name: 'analysis', params: { ask: next.ask }, query: { q: questionText(next), report } })
    const presets = computed(() => PRESETS[ask.value].map(({ key, question }) => ({ key, question, isAt: questionText(question) === text.value })))
    /** What is shown: an answer to this page's kind of question. */
    const shown = computed(() => (answer.data.value?.question.ask === ask.value ? answer.data.value : undefined))
    return { ask, question, change, open, presets, answer, shown }
}
