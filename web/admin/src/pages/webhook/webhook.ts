/* A webhook as its pages show it: which facts it is told, and how its last message fared. */
import { useI18n } from 'vue-i18n'
import type { Item, Reply } from '@papilio/api'
import type { Tone } from '@/ui/StateTag.vue'

export type Webhooks = Reply<'/api/webhooks'>
export type Webhook = Item<Webhooks>
export type Fact = Webhooks['facts'][number]
export const ALL = '*'
export const TONES: Record<string, Tone> = { waiting: 'live', sent: 'good', dead: 'bad', cancelled: 'quiet' }

export function useFacts(): { titleOf: (facts: Fact[], name: string) => string; namesOf: (hook: Webhook) => string[] } {
    const { locale } = useI18n()
    return {
        titleOf: (facts, name) => {
            const fact = facts.find((one) => one.name === name)
            return fact ? (locale.value === 'zh' ? fact.title_zh : fact.title_en) : name
        },
        namesOf: (hook) => hook.kinds.split(' ').filter(Boolean),
    }
}

/* What the words of a failed delivery come to, for webhook.what. */
export const reasonOf = (text: string) =>
    /private network/.test(text) ? 'inside' : /HTTP 40[13]/.test(text) ? 'refused' : /HTTP 40[45]|HTTP 410/.test(text) ? 'missing' : /HTTP 5/.test(text) ? 'broken' : /resolve|connect|timeout|Timeout/i.test(text) ? 'unreachable' : /certificate|SSL/i.test(text) ? 'certificate' : 'other'
