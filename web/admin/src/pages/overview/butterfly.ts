/* The geometry of the butterfly: eight stages, five narrowing towards the waist and three widening from it. A stage is as
 * high as its count says on the chosen scale; the outline between stages is a monotone curve, so it never shows a bulge
 * that no count has. */

export const LEFT = ['reached', 'added', 'active', 'first_order', 'loyal'] as const
export const RIGHT = ['repurchase', 'sharing', 'referred'] as const
export const STAGES = [...LEFT, ...RIGHT] as const
export type Stage = (typeof STAGES)[number]
export type Counts = Record<Stage, number>
export type Scale = 'root' | 'linear'

export interface Cell {
    stage: Stage
    path: string
    center: number // along the axis
    from: number
    to: number
    extent: number // across the axis
    middle: number // of the axis there
}
export interface Shape {
    cells: Cell[]
    waist: number // where the body stands, along the axis
}

const MIN_EXTENT = 3
const SAMPLES = 14
const WAIST_EXTENT = 16
export const FORE = 0.56 // fore wings are larger than hind wings

export function extentOf(count: number, largest: number, room: number, scale: Scale): number {
    if (count <= 0 || largest <= 0) return 0
    const share = scale === 'root' ? Math.sqrt(count / largest) : count / largest
    return Math.max(MIN_EXTENT, share * room)
}

type Point = readonly [number, number]

/* Fritsch and Carlson: cubic through the points, rising and falling only where they do. */
function monotone(points: Point[]): (x: number) => number {
    const last = points.length - 1
    const px = (i: number) => points[i]![0]
    const py = (i: number) => points[i]![1]
    const slope = (i: number) => (py(i + 1) - py(i)) / (px(i + 1) - px(i))
    const tangent = points.map((_, i) => {
        if (i === 0) return slope(0)
        if (i === last) return slope(last - 1)
        const [a, b] = [slope(i - 1), slope(i)]
        return a * b <= 0 ? 0 : (2 * a * b) / (a + b)
    })
    return (x) => {
        let i = 0
        while (i < last - 1 && x > px(i + 1)) i++
        const width = px(i + 1) - px(i)
        const u = Math.min(1, Math.max(0, (x - px(i)) / width))
        const [u2, u3] = [u * u, u * u * u]
        return (
            (2 * u3 - 3 * u2 + 1) * py(i) +
            (u3 - 2 * u2 + u) * width * tangent[i]! +
            (3 * u2 - 2 * u3) * py(i + 1) +
            (u3 - u2) * width * tangent[i + 1]!
        )
    }
}

export interface Frame {
    length: number // along the axis
    room: number // across it
    axis: number // where the axis lies, across, at the body
    rise: number // how far the wings' tips rise above it
    body: number // length kept free for the body
    gap: number
    isVertical: boolean
}

const BULGE = 10 // the cells' ends are bows away from the body, as a wing's bands are

interface Outline {
    extentAt: (along: number) => number
    middleAt: (along: number) => number
    outward: number // -1 or 1: the way from the body
}

function cellPath(frame: Frame, from: number, to: number, outline: Outline): string {
    const lift = frame.isVertical ? 0.5 : FORE
    const at = (along: number, across: number) =>
        frame.isVertical ? `${across.toFixed(1)} ${along.toFixed(1)}` : `${along.toFixed(1)} ${across.toFixed(1)}`
    const upper: string[] = []
    const lower: string[] = []
    for (let i = 0; i <= SAMPLES; i++) {
        const along = from + ((to - from) * i) / SAMPLES
        const extent = outline.extentAt(along)
        const middle = outline.middleAt(along)
        upper.push(at(along, middle - extent * lift))
        lower.unshift(at(along, middle + extent * (1 - lift)))
    }
    const bow = (along: number) => {
        const deep = Math.min(1, outline.extentAt(along) / 60) * 2 * BULGE
        return at(along + outline.outward * deep, outline.middleAt(along) + outline.extentAt(along) * (0.5 - lift))
    }
    return `M${upper.join('L')}Q${bow(to)} ${lower[0]}L${lower.slice(1).join('L')}Q${bow(from)} ${upper[0]}Z`
}

export function butterfly(counts: Counts, scale: Scale, frame: Frame): Shape {
    const largest = Math.max(...STAGES.map((stage) => counts[stage]))
    const slot = (frame.length - frame.body - 2 * BULGE) / STAGES.length
    const waist = BULGE + slot * LEFT.length + frame.body / 2
    const extents = STAGES.map((stage) => extentOf(counts[stage], largest, frame.room, scale))
    const startOf = (i: number) => BULGE + i * slot + (i >= LEFT.length ? frame.body : 0)
    const centers = STAGES.map((_, i) => startOf(i) + slot / 2)
    const waistExtent = (side: number) => Math.min(extents[side]!, Math.max(WAIST_EXTENT, extents[side]! * 0.6))
    const left = monotone([
        [0, extents[0]! * 0.9],
        ...LEFT.map((_, i): Point => [centers[i]!, extents[i]!]),
        [waist, waistExtent(LEFT.length - 1)],
    ])
    const right = monotone([
        [waist, waistExtent(LEFT.length)],
        ...RIGHT.map((_, i): Point => [centers[LEFT.length + i]!, extents[LEFT.length + i]!]),
        [frame.length, extents[STAGES.length - 1]! * 0.9],
    ])
    const reach = Math.max(waist, frame.length - waist)
    const middleAt = (along: number) => frame.axis - frame.rise * (Math.abs(along - waist) / reach) ** 1.5
    const cells = STAGES.map((stage, i): Cell => {
        const [from, to] = [startOf(i) + frame.gap / 2, startOf(i) + slot - frame.gap / 2]
        const outline = i < LEFT.length ? left : right
        const extentAt = extents[i] === 0 ? () => 0 : (at: number) => Math.max(MIN_EXTENT, outline(at))
        const path = cellPath(frame, from, to, { extentAt, middleAt, outward: i < LEFT.length ? -1 : 1 })
        return { stage, from, to, center: centers[i]!, extent: extents[i]!, middle: middleAt(centers[i]!), path }
    })
    return { cells, waist }
}
