/* What questions about customers may name, and what it is called: kinds of events, their properties, attributes, tags, segments,
 * channels, colleagues and stores. Read once, again by whoever asks for it. */
import { computed, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { useI18n } from 'vue-i18n'
import { api, ApiError, take, type Item, type Reply } from '@papilio/api'
import { channelTree, flatten, loadChannels, type Channel } from '@/lib/channels'
import { useFormat } from '@/lib/format'
import { asApiError } from '@/lib/load'
import { usePeople } from '@/lib/people'
import { useSession } from '@/lib/session'
import type { Names } from '@/pages/segment/model/words'
import type { Condition, Value, ValueType } from '@/pages/segment/model/wire'

type Catalog = Reply<'/api/audience/catalog'>
type Tag = Item<Reply<'/api/tags'>>
export type Segment = Item<Reply<'/api/segments'>>
type Owners = Reply<'/api/owners'>
export interface Choice {
    value: string
    label: string
    group?: string
    depth?: number // below another one
}
/** Values too many to list: looked for, and called by name. */
export interface Lookup {
    hint: string
    find: (text: string) => Promise<Choice[]>
    nameOf: (value: string) => string
}

const AGAIN_MS = 1_500
const FLAGS = ['is_family', 'is_blocked']
/* What is of no customer. */
const OTHERS = ['segment_changed', 'campaign_moved', 'staff_added', 'setting_changed', 'channel_added']
export const isWaiting = (error: ApiError | undefined): boolean => error?.code === 'audience.filling' || error?.code === 'audience.behind'

const useStore = defineStore('audience', () => {
    const catalog = shallowRef<Catalog>()
    const tags = shallowRef<Tag[]>([])
    const segments = shallowRef<Segment[]>([])
    const channels = shallowRef<Channel[]>([])
    const owners = shallowRef<Owners>()
    const error = shallowRef<ApiError>()
    let again: number | undefined

    async function load(): Promise<void> {
        window.clearTimeout(again)
        const session = useSession()
        try {
            const all = await Promise.all([
                take(api.GET('/api/audience/catalog')),
                take(api.GET('/api/tags')),
                session.me?.scope === 'all' ? take(api.GET('/api/segments')) : { items: [] },
                session.can('channel.read') ? loadChannels() : [],
                take(api.GET('/api/owners')),
            ])
            catalog.value = all[0]
            tags.value = all[1].items
            segments.value = all[2].items
            channels.value = all[3]
            owners.value = all[4]
            error.value = undefined
        } catch (cause) {
            error.value = asApiError(cause)
            if (isWaiting(error.value)) again = window.setTimeout(() => void load(), AGAIN_MS)
        }
    }
    return { catalog, tags, segments, channels, owners, error, load }
})

/** Beside the store: the names in the language shown. Whoever uses it first has it read. */
export function useAudience() {
    const store = useStore()
    const people = usePeople()
    const { t, te, locale } = useI18n()
    const format = useFormat()
    if (!store.catalog) void store.load()

    const titleOf = (key: string, name: string) => (te(key) ? t(key) : name)
    const kindTitles = computed(() => new Map(store.catalog?.kinds.map((one) => [one.name, locale.value === 'zh' ? one.title_zh : one.title_en])))
    const attributes = computed(() => new Map(store.catalog?.attributes.map((one) => [one.name, one])))
    const columns = computed(() => new Map(store.catalog?.columns.map((one) => [one.name, one])))
    const stages = computed(() => ((store.catalog as { stages?: unknown } | undefined)?.stages ?? []) as { name: string; who: Condition }[])
    const lost = computed(() => (store.catalog ? t('segment.gone') : '…')) // or not read yet
    const nameIn = <T extends { id: string; name: string }>(all: T[], id: string) => all.find((one) => one.id === id)?.name ?? lost.value

    /** Values to choose from; none: they are typed. */
    function choicesOf(attribute: string): Choice[] | undefined {
        if (attribute === 'channel') return channelChoices.value
        if (attribute === 'owner') return store.owners?.staff.map((one) => ({ value: one.staff_id, label: one.staff_name }))
        if (attribute === 'store') return store.owners?.orgs.map((one) => ({ value: one.id, label: one.name }))
        if (FLAGS.includes(attribute)) return ['1', '0'].map((value) => ({ value, label: t(`segment.flag.${value}`) }))
        const choices = attributes.value.get(attribute)?.choices as string[] | null | undefined
        return Array.isArray(choices) && choices.length ? choices.map((value) => ({ value, label: value })) : undefined
    }
    const person: Lookup = {
        hint: t('customer.search'),
        find: async (text) => (await people.find(text)).map((one) => ({ value: one.id, label: [one.name || t('common.unnamed'), one.phone, one.region].filter(Boolean).join(' · ') })),
        nameOf: (id) => {
            const name = people.nameOf(id)
            if (name === undefined) return '…'
            return name === null ? t('segment.unseen') : name || t('common.unnamed')
        },
    }
    const lookupOf = (attribute: string): Lookup | undefined => (attribute === 'inviter' ? person : undefined)
    const names = computed<Names>(() => ({
        kind: (name) => kindTitles.value.get(name) ?? name,
        column: (name) => titleOf(`segment.column.${name}`, name),
        columnType: (name) => columns.value.get(name)?.type as ValueType | undefined,
        attribute: (name) => attributes.value.get(name)?.title ?? titleOf(`segment.attribute.${name}`, name),
        attributeType: (name) => attributes.value.get(name)?.type as ValueType | undefined,
        option: (attribute: string, value: Value) => {
            const lookup = lookupOf(attribute)
            if (lookup) return lookup.nameOf(String(value))
            const choices = choicesOf(attribute)
            return choices ? (choices.find((one) => one.value === String(value))?.label ?? lost.value) : String(value)
        },
        channel: (id) => nameIn(store.channels, id),
        tag: (id) => nameIn(store.tags, id),
        segment: (id) => nameIn(store.segments, id),
        money: (minor) => format.value.money(minor, minor % 100 === 0),
        list: (parts) => parts.join(locale.value === 'zh' ? '、' : ', '),
        day: (ms) => format.value.day(ms),
        stage: (name, number) => {
            if (number === 0) return t('analysis.flow.stage.none')
            const called = name ?? stages.value[number - 1]?.name ?? String(number)
            return titleOf(`analysis.flow.stage.${called}`, called)
        },
    }))

    const kindChoices = computed<Choice[]>(() => (store.catalog?.kinds ?? []).filter(({ name }) => !OTHERS.includes(name)).map(({ name }) => ({ value: name, label: names.value.kind(name) })))
    const columnChoices = computed<Choice[]>(() => (store.catalog?.columns ?? []).map(({ name }) => ({ value: name, label: names.value.column(name) })))
    const attributeChoices = computed<Choice[]>(() => (store.catalog?.attributes ?? []).map(({ name }) => ({ value: name, label: names.value.attribute(name) })))
    const channelChoices = computed<Choice[]>(() => flatten(channelTree(store.channels)).map(({ channel, depth }) => ({ value: channel.id, label: channel.name, depth })))
    const tagChoices = computed<Choice[]>(() => store.tags.map((one) => ({ value: one.id, label: one.name, group: t(`tag.family.${one.family}`) })))
    const segmentChoices = (isStatic: boolean): Choice[] => store.segments.filter((one) => (one.kind === 'static') === isStatic).map((one) => ({ value: one.id, label: one.name }))
    return { store, names, stages, choicesOf, lookupOf, isFlag: (name: string) => FLAGS.includes(name), kindChoices, columnChoices, attributeChoices, channelChoices, tagChoices, segmentChoices }
}
