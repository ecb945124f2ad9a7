/* What the tabs of the layers share: the day they stand for, and how a cell says which customers it holds. */
import { computed } from 'vue'
import { useRoute } from 'vue-router'
import type { Reply } from '@papilio/api'
import { dateAdd, localDate } from '@/lib/format'
import { useScope } from '@/lib/period'
import { useSession } from '@/lib/session'
import type { HeatCohort } from '@/ui/cohort'

export const TABS = ['rfm', 'matrix', 'cohort', 'figures'] as const
export type Tab = (typeof TABS)[number]

/* As the sheet of four is read: the best first. */
export const CELLS = ['RFM', 'RfM', 'rFM', 'rfM', 'RFm', 'Rfm', 'rFm', 'rfm'] as const
export const STATES = ['never', 'once', 'repeat', 'sleeping', 'lost'] as const
export const RECENCIES = ['0-30', '31-90', '91-180', '181-365', '366-', 'none'] as const
export const BYS = ['month', 'quarter', 'channel', 'state', 'rfm', 'first_month'] as const
export type By = (typeof BYS)[number]

export type LayerQuery = Record<string, string | undefined>

export function useLayer() {
    const route = useRoute()
    const session = useSession()
    const scope = useScope()
    const today = computed(() => localDate(session.me?.zone ?? 'UTC'))
    const text = (value: unknown) => (typeof value === 'string' ? value : '')

    /** The last day counted in: today unless another one was chosen. */
    const asOf = computed(() => {
        const given = text(route.query.as_of)
        return /^\d{4}-\d{2}-\d{2}$/.test(given) && given < today.value ? given : today.value
    })
    const end = computed<{ to_date?: string }>(() => (asOf.value === today.value ? {} : { to_date: dateAdd(asOf.value, 1) }))
    /* A band of the brand's; -1 expecting, -2 no birthday known. */
    const stage = computed(() => (/^(-[12]|\d{1,2})$/.test(text(route.query.stage)) ? text(route.query.stage) : undefined))
    const by = computed<By>(() => BYS.find((name) => name === route.query.by) ?? 'month')

    /** The address of the customers of a cell. */
    const customers = (part: LayerQuery) => ({ name: 'layerCustomers', query: part })
    /** Minor units as a plain number, for files. */
    const major = (minor: number | null | undefined) => {
        const digits = session.me?.minor_digits ?? 2
        return minor === null || minor === undefined ? '' : (minor / 10 ** digits).toFixed(digits)
    }
    return { scope, today, asOf, end, stage, by, customers, major }
}

/** The cohorts of a reply; those who first bought, in their own month, are all of them, so it is left out. */
export const cohortsOf = (reply: Reply<'/api/overview/cohort'>): HeatCohort[] =>
    reply.cohorts.map(({ month, size_count, mature_month_count, active }) => ({
        key: month,
        name: month,
        size: size_count,
        isRunning: mature_month_count === 0,
        cells: active.filter((cell) => cell.month_number > 0).map((cell) => ({ n: cell.month_number, count: cell.customer_count, isOver: cell.month_number < mature_month_count })),
    }))
