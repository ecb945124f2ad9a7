/* Times as people type them, "2026-03-01T10:00", in a zone of the world. */
export function zonedText(ms: number | null | undefined, zone: string): string {
    if (ms === null || ms === undefined) return ''
    const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(ms)
    return parts.replace(' ', 'T')
}

/** Undefined where nothing, or no time, was typed. A time that daylight saving skips becomes the one after the gap. */
export function zonedMs(text: string, zone: string): number | undefined {
    const wanted = Date.parse(`${text}Z`)
    if (Number.isNaN(wanted)) return undefined
    const offsetAt = (ms: number) => Date.parse(`${zonedText(ms, zone)}Z`) - Math.floor(ms / 60_000) * 60_000
    const first = wanted - offsetAt(wanted)
    return wanted - offsetAt(first)
}
