/* Colleagues and stores within one's reach, to filter by and to give customers to; segments; and the brand's life stages. */
import { api, take, type Reply } from '@papilio/api'
import type { useSession } from '@/lib/session'

export interface Choices extends Pick<Reply<'/api/owners'>, 'staff' | 'orgs'> {
    segments: { id: string; name: string }[] // none for whoever does not reach all
    months: number[] // where each life stage begins, after the first, which begins with birth
}
const MONTHS_USUAL = '6 12 36 72'

async function monthsText(signal: AbortSignal): Promise<string> {
    const { items } = await take(api.GET('/api/settings', { signal }))
    const value = items.find((item) => item.name === 'life_stage_months')?.value
    return typeof value === 'string' ? value : MONTHS_USUAL
}

export async function loadChoices(session: ReturnType<typeof useSession>, signal: AbortSignal): Promise<Choices> {
    const [owners, segments, months] = await Promise.all([
        take(api.GET('/api/owners', { signal })),
        session.me?.scope === 'all' ? take(api.GET('/api/segments', { signal })).then(({ items }) => items) : Promise.resolve([]),
        session.can('setting.read') ? monthsText(signal) : Promise.resolve(MONTHS_USUAL),
    ])
    return { ...owners, segments, months: months.split(' ').map(Number) }
}

/** "0–6 个月", "12–36", "72+": how old the youngest child is. */
export function bandOf(months: number[] | undefined, n: number): string {
    const bounds = [0, ...(months ?? [])]
    const from = bounds[n] ?? 0
    const until = bounds[n + 1]
    return until === undefined ? `${from}+` : `${from}–${until}`
}
