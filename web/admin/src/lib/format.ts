/* How numbers, money and times are written: by the language shown, the brand's currency and the brand's zone. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useSession } from './session'

type Maybe = number | null | undefined
const NONE = '–'
export const DAY_MS = 86_400_000

export interface Format {
    count: (value: Maybe) => string
    short: (value: Maybe) => string
    percent: (value: Maybe, digits?: number) => string // of a fraction
    ppm: (value: Maybe) => string // parts per million, as a percentage
    money: (minor: Maybe, isWhole?: boolean) => string
    moneyShort: (minor: Maybe) => string
    price: (micro: Maybe) => string
    times: (value: Maybe) => string // ×2.4
    time: (ms: Maybe) => string
    day: (ms: Maybe) => string
    ago: (ms: Maybe) => string
    list: (parts: string[]) => string
}

const MAJOR_MICRO = 1_000_000
const MINUTE_MS = 60_000

function agoWriter(tag: string, day: (ms: Maybe) => string): (ms: Maybe) => string {
    const relative = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })
    const steps: [Intl.RelativeTimeFormatUnit, number, number][] = [
        ['minute', MINUTE_MS, 60],
        ['hour', 3_600_000, 24],
        ['day', DAY_MS, 30],
    ]
    return (ms) => {
        if (ms === null || ms === undefined) return NONE
        const passed = Date.now() - ms
        if (passed >= 0 && passed < MINUTE_MS) return tag.startsWith('zh') ? '刚刚' : 'just now'
        for (const [unit, length, until] of steps) {
            const units = Math.floor(passed / length)
            if (units < until && units >= 0) return relative.format(-units, unit)
        }
        return day(ms)
    }
}

function percentFormat(tag: string, digits: number): Intl.NumberFormat {
    return new Intl.NumberFormat(tag, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function formatOf(tag: string, zone: string, currency: string, minorDigits: number): Format {
    const scale = 10 ** minorDigits
    const base: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }
    const digits = { minimumFractionDigits: minorDigits, maximumFractionDigits: minorDigits }
    const count = new Intl.NumberFormat(tag)
    const short = new Intl.NumberFormat(tag, { notation: 'compact', maximumSignificantDigits: 3 })
    const money = new Intl.NumberFormat(tag, { ...base, ...digits })
    const moneyWhole = new Intl.NumberFormat(tag, { ...base, maximumFractionDigits: 0, minimumFractionDigits: 0 })
    const moneyShort = new Intl.NumberFormat(tag, { ...base, notation: 'compact', maximumSignificantDigits: 4 })
    const price = new Intl.NumberFormat(tag, { ...base, ...digits, maximumFractionDigits: 6 })
    const times = new Intl.NumberFormat(tag, { maximumSignificantDigits: 3 })
    const dayParts: Intl.DateTimeFormatOptions = { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }
    const dayFormat = new Intl.DateTimeFormat(tag, dayParts)
    const time = new Intl.DateTimeFormat(tag, { ...dayParts, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    const given = (write: (value: number) => string) => (value: Maybe) =>
        value === null || value === undefined || Number.isNaN(value) ? NONE : write(value)
    const percent = (value: Maybe, digits = 1) =>
        given((v) => percentFormat(tag, digits).format(v))(value)
    const day = given((ms) => dayFormat.format(ms))
    return {
        count: given((v) => count.format(v)),
        short: given((v) => (Math.abs(v) < 10_000 ? count.format(v) : short.format(v))),
        percent,
        ppm: (value) => percent(value === null || value === undefined ? value : value / 1_000_000),
        money: (minor, isWhole = false) => given((v) => (isWhole ? moneyWhole : money).format(v / scale))(minor),
        moneyShort: given((v) => (Math.abs(v) < 10_000 * scale ? moneyWhole : moneyShort).format(v / scale)),
        price: given((v) => price.format(v / MAJOR_MICRO)),
        times: given((v) => `×${times.format(v)}`),
        time: given((ms) => time.format(ms)),
        day,
        ago: agoWriter(tag, day),
        list: (parts) => new Intl.ListFormat(tag, { type: 'conjunction', style: 'narrow' }).format(parts),
    }
}

export function useFormat(): ComputedRef<Format> {
    const { locale } = useI18n()
    const session = useSession()
    return computed(() => {
        const { zone, currency, minor_digits } = session.me ?? { zone: 'UTC', currency: 'CNY', minor_digits: 2 }
        return formatOf(locale.value === 'zh' ? 'zh-CN' : 'en-GB', zone, currency, minor_digits)
    })
}

/** Today's date, "YYYY-MM-DD", in a zone; `addDays` days later. */
export function localDate(zone: string, addDays = 0, nowMs = Date.now()): string {
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(nowMs)
    return dateAdd(today, addDays)
}

export function dateAdd(date: string, days: number): string {
    return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** "12.30" in the brand's currency as minor units, or undefined where it is no such amount. */
export function minorFrom(text: string, minorDigits: number): number | undefined {
    const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(text.trim().replace(/,/g, ''))
    if (!match) return undefined
    const fraction = match[2] ?? ''
    if (fraction.length > minorDigits) return undefined
    return Number(match[1]) * 10 ** minorDigits + Number(fraction.padEnd(minorDigits, '0') || 0)
}
