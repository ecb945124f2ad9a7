/* A length of time as people say it, in one or two units. */
import { useI18n } from 'vue-i18n'
import { DAY_S } from './question'

const SPANS: [string, number][] = [
    ['days', DAY_S],
    ['hours', 3600],
    ['minutes', 60],
    ['seconds', 1],
]

export function useSpan(): (seconds: number | null | undefined) => string {
    const { t } = useI18n()
    return (seconds) => {
        if (seconds === null || seconds === undefined) return '–'
        const at = SPANS.findIndex(([, length]) => seconds >= length)
        const [name, length] = SPANS[at < 0 ? SPANS.length - 1 : at]!
        const count = seconds / length
        return t(`analysis.length.${name}`, { count: count < 10 && name !== 'seconds' ? Math.round(count * 10) / 10 : Math.round(count) })
    }
}
