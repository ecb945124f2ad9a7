/* Fields of a merge in words: "phone", "birth_day", "attributes.size" and the like, and their values. */
import { useI18n } from 'vue-i18n'
import { useFormat } from '@/lib/format'

type Words = (key: string) => string
type Knows = (key: string) => boolean

export function fieldText(field: string, t: Words, te: Knows): string {
    const name = field.replace(/^attributes\./, '')
    return te(`merging.field.${field}`) ? t(`merging.field.${field}`) : name
}

/* As the server writes them: times and days as numbers, is_family as 1 and 0. */
export function useFieldValue(): (field: string, value: string | null | undefined) => string {
    const format = useFormat()
    const { t } = useI18n()
    return (field, value) => {
        if (value === null || value === undefined || value === '') return '–'
        if (field.endsWith('_ms') && /^\d+$/.test(value)) return format.value.time(Number(value))
        if (field.endsWith('_day') && /^-?\d+$/.test(value)) return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10)
        if (field === 'is_family') return t(value === '1' || value === 'true' ? 'merging.yes' : 'merging.no')
        return value
    }
}
