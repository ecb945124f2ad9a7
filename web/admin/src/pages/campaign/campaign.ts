/* What the pages of campaigns share. */
import { api, take, type Item, type Reply } from '@papilio/api'
import type { Tone } from '@/ui/StateTag.vue'

export type Play = Item<Reply<'/api/plays'>>
export type PlayField = Play['fields'][number]
export type Row = Item<Reply<'/api/campaigns'>>
export type Campaign = Reply<'/api/campaigns/{campaign_id}'>
export type Rules = Record<string, unknown>

export const STATUSES = ['draft', 'in_review', 'scheduled', 'running', 'paused', 'ended', 'settling', 'settled', 'archived', 'cancelled', 'terminated'] as const
export type Status = (typeof STATUSES)[number]

export const TONES: Record<string, Tone> = { in_review: 'live', scheduled: 'live', running: 'good', paused: 'warn', cancelled: 'bad', terminated: 'bad' }

export async function loadPlays(signal?: AbortSignal): Promise<Play[]> {
    return (await take(api.GET('/api/plays', { signal }))).items
}

/** A rule's value as text; JSON where it is no plain value. */
export function ruleText(value: unknown): string {
    if (value === null || value === undefined) return ''
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** What was typed, as the rules have it; empty ones are left out. An Error names the field that is no JSON. */
export function rulesFrom(fields: PlayField[], typed: Record<string, string | boolean>): Rules {
    const rules: Rules = {}
    for (const field of fields) {
        const value = typed[field.name]
        if (field.type === 'boolean') rules[field.name] = value === true
        else if (typeof value === 'string' && value.trim() !== '') {
            rules[field.name] = field.type === 'number' ? Number(value) : field.type === 'text' ? value.trim() : (JSON.parse(value) as unknown)
        }
    }
    return rules
}

export function typedFrom(fields: PlayField[], rules: Rules): Record<string, string | boolean> {
    return Object.fromEntries(fields.map(({ name, type }) => [name, type === 'boolean' ? rules[name] === true : ruleText(rules[name])]))
}
