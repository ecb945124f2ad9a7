/* The period and channel a page is about, kept in the address so that a link says it all. */
import { computed } from 'vue'
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router'
import { dateAdd, localDate } from './format'
import { useSession } from './session'

export const PERIODS = ['all', '30', '90', '365', 'custom'] as const
export type Period = (typeof PERIODS)[number]

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const isDate = (value: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(value)

export function useScope() {
    const route = useRoute()
    const router = useRouter()
    const session = useSession()
    const zone = computed(() => session.me?.zone ?? 'UTC')

    const period = computed<Period>(() => {
        const given = text(route.query.period) as Period
        return PERIODS.includes(given) ? given : 'all'
    })
    const from = computed(() => text(route.query.from)) // first and last day, both included
    const to = computed(() => text(route.query.to))
    const channelId = computed(() => text(route.query.channel))

    /** As the server takes it: [from_date, to_date), both or none. */
    const dates = computed<{ from_date?: string; to_date?: string }>(() => {
        if (period.value === 'all') return {}
        if (period.value === 'custom') {
            if (!isDate(from.value) || !isDate(to.value) || from.value > to.value) return {}
            return { from_date: from.value, to_date: dateAdd(to.value, 1) }
        }
        const tomorrow = localDate(zone.value, 1)
        return { from_date: dateAdd(tomorrow, -Number(period.value)), to_date: tomorrow }
    })
    const channel = computed(() => (channelId.value ? { channel_id: channelId.value } : {}))

    function change(part: LocationQueryRaw): void {
        const query: LocationQueryRaw = { ...route.query, ...part }
        for (const [key, value] of Object.entries(query)) if (value === '' || value === undefined) delete query[key]
        void router.replace({ query })
    }
    function choosePeriod(next: Period): void {
        if (next === 'custom') {
            const today = localDate(zone.value)
            change({ period: next, from: from.value || dateAdd(today, -29), to: to.value || today })
        } else {
            change({ period: next === 'all' ? undefined : next, from: undefined, to: undefined })
        }
    }
    return { period, from, to, channelId, dates, channel, change, choosePeriod }
}
