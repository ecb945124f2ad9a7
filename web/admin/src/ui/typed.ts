/* Values that are typed: how each kind is written in its field, and read from it. */
import { dateAdd, minorFrom } from '@/lib/format'

export type Kind = 'number' | 'money' | 'percent' | 'date' | 'time' | 'text' // money in minor units, a percentage in parts per million
export type Typed = number | string
const PPM_PERCENT = 10_000

export function written(kind: Kind, value: Typed, minorDigits: number): string {
    if (kind === 'money' && typeof value === 'number') {
        const text = (Math.abs(value) / 10 ** minorDigits).toFixed(value % 10 ** minorDigits ? minorDigits : 0)
        return value < 0 ? `-${text}` : text
    }
    if (kind === 'percent') return String(Number(value) / PPM_PERCENT)
    return kind === 'time' ? String(value).replace(' ', 'T') : String(value)
}

/** Undefined: not one of that kind. */
export function read(kind: Kind, text: string, minorDigits: number): Typed | undefined {
    if (kind === 'money') {
        const minor = minorFrom(text.replace(/^-/, ''), minorDigits)
        return minor !== undefined && text.trim().startsWith('-') ? -minor : minor
    }
    if (kind === 'number' || kind === 'percent') {
        const value = Math.round(Number(text) * (kind === 'percent' ? PPM_PERCENT : 1) * 100) / 100
        return text.trim() !== '' && Number.isSafeInteger(value) ? value : undefined
    }
    return kind === 'time' ? text.replace('T', ' ') : text
}

/** Those of a text that was copied from elsewhere: a line, a column of a sheet. */
export function readMany(kind: Kind, text: string, minorDigits: number): Typed[] {
    const parts = text.split(/[\s;、，,；]+/).filter(Boolean)
    const values = parts.map((part) => (kind === 'date' && !/^\d{4}-\d\d-\d\d$/.test(part) ? undefined : read(kind, part, minorDigits)))
    return values.every((value) => value !== undefined) ? [...new Set(values)] : []
}

/** What another value of that kind begins as. */
export function following(kind: Kind, value: Typed, minorDigits: number): Typed {
    if (kind === 'date') return value ? dateAdd(String(value), 1) : ''
    return typeof value === 'number' ? value + (kind === 'money' ? 100 * 10 ** minorDigits : 1) : ''
}
