/* What an analysis tells apart, and what its values are called, beside what all questions may name (lib/audience). */
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useAudience, type Choice } from '@/lib/audience'
import { useFormat } from '@/lib/format'
import type { By, Value } from './question'

export type Names = ReturnType<typeof useNames>

export function useNames() {
    const { t } = useI18n()
    const format = useFormat()
    const { names, store, attributeChoices, columnChoices } = useAudience()

    /** `by` as an option's value, and back. */
    const byText = (by: By | undefined) => (by === undefined ? '' : typeof by === 'string' ? by : 'property' in by ? `property ${by.property}` : `attribute ${by.attribute}`)
    const byFrom = (text: string): By | undefined => {
        const [form, name] = text.split(' ')
        if (name === undefined) return (form || undefined) as By | undefined
        return form === 'property' ? { property: name } : { attribute: name }
    }
    const grouped = (form: string, choices: Choice[], group: string) => choices.map(({ value, label }) => ({ value: `${form} ${value}`, label, group }))
    const byOptions = (isOfEvents: boolean, none?: string) => [
        ...(none === undefined ? [] : [{ value: '', label: none }]),
        ...['kind', 'channel'].map((value) => ({ value, label: t(`analysis.by.${value}`) })),
        ...(isOfEvents ? [] : grouped('attribute', attributeChoices.value.filter(({ value }) => names.value.attributeType(value) !== 'choices'), t('analysis.by.attributes'))),
        ...grouped('property', columnChoices.value, t('analysis.by.properties')),
    ]
    const byTitle = (by: By | undefined) =>
        by === undefined ? '' : typeof by === 'string' ? t(`analysis.by.${by}`) : 'property' in by ? names.value.column(by.property) : names.value.attribute(by.attribute)
    const isSummed = (name: string) => ['number', 'money'].includes(names.value.columnType(name) ?? '')
    const ofOptions = computed(() => columnChoices.value.filter(({ value }) => isSummed(value)))

    /** A value of `by`, as people say it; null is all others. */
    function value(by: By | undefined, one: Value | null): string {
        if (one === null) return t('analysis.rest')
        if (by === undefined) return ''
        if (one === '') return t(by === 'channel' ? 'analysis.noChannel' : 'analysis.noValue')
        if (by === 'kind') return names.value.kind(String(one))
        if (by === 'channel') return names.value.channel(String(one))
        if (typeof by === 'string') return String(one)
        const type = 'property' in by ? names.value.columnType(by.property) : names.value.attributeType(by.attribute)
        if (type === 'money') return format.value.money(Number(one))
        return 'attribute' in by ? names.value.option(by.attribute, one) : String(one)
    }
    /** A sum of a property's values. */
    const sum = (of: string | undefined, one: Value | null) => {
        if (of === undefined || one === null) return '–'
        return names.value.columnType(of) === 'number' ? format.value.count(Number(one)) : format.value.money(Number(one))
    }
    const kind = (name: string) => names.value.kind(name)
    const property = (name: string) => names.value.column(name)
    return { store, kind, property, byText, byFrom, byOptions, byTitle, ofOptions, value, sum }
}
