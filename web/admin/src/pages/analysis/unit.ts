/* What a calendar unit is called: "2026-03", or the day it begins with. */
export function unitTitle(from: string, unit: string): string {
    return unit === 'month' ? from.slice(0, 7) : from.slice(5, 10)
}
