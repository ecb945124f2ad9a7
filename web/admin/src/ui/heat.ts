/** How strong a cell is tinted, for a share of the largest. */
export function heat(share: number): string {
    const strength = Math.round(6 + 94 * Math.min(1, Math.max(0, share)))
    return `color-mix(in oklab, var(--heat) ${strength}%, var(--surface))`
}
