/* What a question may name, and what those things are called in the language shown. */
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { api, take, type Reply } from '@papilio/api'
import { loadChannels } from '@/lib/channels'
import { useFormat } from '@/lib/format'
import { useLoad } from '@/lib/load'
import { useSession } from '@/lib/session'
import type { By, Value } from './question'

type Catalog = Reply<'/api/audience/catalog'>
/* Of these kinds operators speak; the others are the system's own book-keeping. */
const INNER = /^(campaign_moved|channel_added|customer_(blocked|deleted|edited|merged|unblocked|unmerged)|order_(changed|removed)|owner_changed|relation_|reward_(held|refused|revoked)|segment_changed|setting_|staff_|tag_)/
const UNGROUPED = ['choices']

export interface Option {
    value: string
    label: string
}
export type Names = ReturnType<typeof useNames>

export function useNames() {
    const { t, te, locale } = useI18n()
    const format = useFormat()
    const session = useSession()
    const catalog = useLoad<Catalog>((signal) => take(api.GET('/api/audience/catalog', { signal })))
    const channels = useLoad(async (signal) => (session.can('channel.read') ? loadChannels(signal) : []))
    const owners = useLoad((signal) => take(api.GET('/api/owners', { signal })))
    const segments = useLoad(async (signal) => (await take(api.GET('/api/segments', { signal }))).items)

    const titles = computed(() => new Map((catalog.data.value?.kinds ?? []).map((kind) => [kind.name, locale.value === 'zh' ? kind.title_zh : kind.title_en])))
    const kind = (name: string) => titles.value.get(name) ?? name
    const kinds = computed<Option[]>(() =>
        [...titles.value]
            .map(([value, label]) => ({ value, label }))
            .filter(({ value }) => !INNER.test(value)),
    )
    const own = (name: string, path: string) => (te(`analysis.${path}.${name}`) ? t(`analysis.${path}.${name}`) : name)
    const property = (name: string) => own(name, 'property')
    const attribute = (name: string) => catalog.data.value?.attributes.find((one) => one.name === name)?.title || own(name, 'attribute')

    const places = computed(() => new Map((channels.data.value ?? []).map((one) => [one.id, one.name])))
    const people = computed(() => new Map((owners.data.value?.staff ?? []).map((one) => [one.staff_id, one.staff_name])))
    const stores = computed(() => new Map((owners.data.value?.orgs ?? []).map((one) => [one.id, one.name])))

    /** What events or people are told apart by, as an option's value and back. */
    const byText = (by: By | undefined) => (by === undefined ? '' : typeof by === 'string' ? by : 'property' in by ? `property ${by.property}` : `attribute ${by.attribute}`)
    const byFrom = (text: string): By | undefined => {
        const [form, name] = text.split(' ')
        if (name === undefined) return (form || undefined) as By | undefined
        return form === 'property' ? { property: name } : { attribute: name }
    }
    const byOptions = computed(() => ({
        plain: ['kind', 'channel'].map((value) => ({ value, label: t(`analysis.by.${value}`) })),
        properties: (catalog.data.value?.columns ?? []).map(({ name }) => ({ value: `property ${name}`, label: property(name) })),
        attributes: (catalog.data.value?.attributes ?? [])
            .filter(({ type }) => !UNGROUPED.includes(type))
            .map(({ name }) => ({ value: `attribute ${name}`, label: attribute(name) })),
    }))
    const byTitle = (by: By | undefined) => (by === undefined ? '' : typeof by === 'string' ? t(`analysis.by.${by}`) : 'property' in by ? property(by.property) : attribute(by.attribute))
    const ofOptions = computed<Option[]>(() =>
        (catalog.data.value?.columns ?? []).filter(({ type }) => type === 'number' || type === 'money').map(({ name }) => ({ value: name, label: property(name) })),
    )
    const typeOf = (by: By): string | undefined => {
        if (typeof by === 'string') return by
        if ('property' in by) return catalog.data.value?.columns.find((one) => one.name === by.property)?.type
        return catalog.data.value?.attributes.find((one) => one.name === by.attribute)?.type
    }

    /** A value of `by`, as people say it. */
    function value(by: By | undefined, one: Value | null): string {
        if (one === null) return t('analysis.rest')
        if (by === undefined) return ''
        if (one === '') return t(by === 'channel' ? 'analysis.noChannel' : 'analysis.noValue')
        const text = String(one)
        if (by === 'kind') return kind(text)
        if (by === 'channel') return places.value.get(text) ?? text
        if (typeof by === 'string') return text
        if ('attribute' in by) {
            const map = { channel: places, owner: people, store: stores }[by.attribute]
            if (map) return map.value.get(text) ?? text
            if (by.attribute.startsWith('is_')) return t(one === 1 ? 'analysis.yes' : 'analysis.no')
        }
        return typeOf(by) === 'money' ? format.value.money(Number(one)) : text
    }
    /** A sum of a property's values. */
    const sum = (of: string | undefined, one: Value | null) => {
        if (of === undefined || one === null) return '–'
        const isMoney = catalog.data.value?.columns.find(({ name }) => name === of)?.type !== 'number'
        return isMoney ? format.value.money(Number(one)) : format.value.count(Number(one))
    }
    return { catalog, kind, kinds, property, attribute, byText, byFrom, byOptions, byTitle, ofOptions, value, sum, segments: segments.data }
}
