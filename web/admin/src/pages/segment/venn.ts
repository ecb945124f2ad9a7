/* Circles for two or three sets that overlap: areas as their sizes say where two circles can show it, the usual three-leaf otherwise.
 * Numbers stand in the regions, so nothing rests on the areas alone. */
export interface Circle {
    x: number
    y: number
    r: number
}
export interface Region {
    mask: number // bit i: in set i
    x: number
    y: number
}
export interface Venn {
    circles: Circle[]
    regions: Region[]
    width: number
    height: number
}

const R_MAX = 90
const R_MIN = 34
const PAD = 12
const ROOM = 36 // for a number
/* The distance at which two circles share that much, found by halving. */
function distanceFor(a: number, b: number, shared: number): number {
    const lens = (d: number) => {
        if (d >= a + b) return 0
        if (d <= Math.abs(a - b)) return Math.PI * Math.min(a, b) ** 2
        const part = (r: number, other: number) => r * r * Math.acos((d * d + r * r - other * other) / (2 * d * r))
        return part(a, b) + part(b, a) - 0.5 * Math.sqrt((-d + a + b) * (d + a - b) * (d - a + b) * (d + a + b))
    }
    let [low, high] = [Math.abs(a - b), a + b]
    for (let n = 0; n < 40; n++) {
        const middle = (low + high) / 2
        if (lens(middle) > shared) low = middle
        else high = middle
    }
    return (low + high) / 2
}

function two([, onlyA = 0, onlyB = 0, both = 0]: readonly number[]): Venn {
    const most = Math.max(1, onlyA + both, onlyB + both)
    const radius = (size: number) => Math.max(R_MIN, R_MAX * Math.sqrt(size / most))
    const [a, b] = [radius(onlyA + both), radius(onlyB + both)]
    /* Each part that has somebody keeps room for its number. */
    const least = Math.max(Math.abs(a - b), onlyA ? ROOM + b - a : 0, onlyB ? ROOM + a - b : 0)
    const wanted = distanceFor(a, b, (both / most) * Math.PI * R_MAX ** 2)
    const d = both ? Math.min(Math.max(wanted, least), a + b - ROOM) : a + b + PAD
    const y = Math.max(a, b) + PAD
    const ax = PAD + Math.max(a, b - d)
    const bx = ax + d
    const middle = (from: number, to: number) => (from + to) / 2
    return {
        circles: [
            { x: ax, y, r: a },
            { x: bx, y, r: b },
        ],
        regions: [
            { mask: 1, x: middle(ax - a, Math.min(bx - b, ax + a)), y },
            { mask: 2, x: middle(Math.max(ax + a, bx - b), bx + b), y },
            { mask: 3, x: middle(Math.max(ax - a, bx - b), Math.min(ax + a, bx + b)), y },
        ],
        width: Math.max(ax + a, bx + b) + PAD,
        height: 2 * y,
    }
}

const THREE: Venn = {
    width: 300,
    height: 280,
    circles: [
        { x: 112, y: 102, r: 88 },
        { x: 188, y: 102, r: 88 },
        { x: 150, y: 168, r: 88 },
    ],
    regions: [
        { mask: 1, x: 72, y: 82 },
        { mask: 2, x: 228, y: 82 },
        { mask: 4, x: 150, y: 222 },
        { mask: 3, x: 150, y: 62 },
        { mask: 5, x: 94, y: 152 },
        { mask: 6, x: 206, y: 152 },
        { mask: 7, x: 150, y: 122 },
    ],
}

/** counts[mask]: those in exactly these sets. */
export const vennOf = (counts: readonly number[]): Venn => (counts.length <= 4 ? two(counts) : THREE)
