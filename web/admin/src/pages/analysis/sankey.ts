/* Where the boxes and ribbons of a flow lie: a column a step, the largest on top (or in an order given), what is small together as the
 * rest.
 * Always: a box is as high as the larger of what comes in and what goes on, and behind each there is room for a line of text. */
import type { Value } from './question'

export interface Move {
    position: number // from 1
    from: Value
    to: Value
    count: number
}
export interface Box {
    key: string
    column: number
    value: Value | null // null: the rest
    count: number
    x: number
    y: number
    height: number
}
export interface Ribbon {
    from: Box
    to: Box
    count: number
    path: string
    width: number
}
export interface Size {
    width: number
    height: number
    box: number // width of a box
    line: number // left free behind each box, so that its name can be read
}
const ROWS_MAX = 8

interface Flow {
    column: number
    from: Value | null
    to: Value | null
    count: number
}

/* What every value of every column amounts to. */
function weights(flows: Flow[]): Map<number, Map<Value | null, { in: number; out: number }>> {
    const all = new Map<number, Map<Value | null, { in: number; out: number }>>()
    const add = (column: number, value: Value | null, side: 'in' | 'out', count: number) => {
        const values = all.get(column) ?? new Map<Value | null, { in: number; out: number }>()
        const one = values.get(value) ?? { in: 0, out: 0 }
        one[side] += count
        values.set(value, one)
        all.set(column, values)
    }
    for (const { column, from, to, count } of flows) {
        add(column, from, 'out', count)
        add(column + 1, to, 'in', count)
    }
    return all
}
const weight = (one: { in: number; out: number }) => Math.max(one.in, one.out)

/* The small ones of a column become its rest. */
function gathered(flows: Flow[]): Flow[] {
    const large = new Map<number, Set<Value | null>>()
    for (const [column, values] of weights(flows)) {
        const sorted = [...values].sort((a, b) => weight(b[1]) - weight(a[1]))
        large.set(column, new Set(sorted.slice(0, ROWS_MAX - (sorted.length > ROWS_MAX ? 1 : 0)).map(([value]) => value)))
    }
    const sums = new Map<string, Flow>()
    for (const flow of flows) {
        const from = large.get(flow.column)?.has(flow.from) ? flow.from : null
        const to = large.get(flow.column + 1)?.has(flow.to) ? flow.to : null
        const key = JSON.stringify([flow.column, from, to])
        const sum = sums.get(key) ?? { column: flow.column, from, to, count: 0 }
        sum.count += flow.count
        sums.set(key, sum)
    }
    return [...sums.values()]
}

const byWeight = () => 0
export function sankey(moves: Move[], size: Size, place: (value: Value) => number = byWeight): { boxes: Box[]; ribbons: Ribbon[] } {
    const flows = gathered(moves.map(({ position, from, to, count }) => ({ column: position - 1, from, to, count })))
    const columns = [...weights(flows)].sort((a, b) => a[0] - b[0])
    if (!columns.length) return { boxes: [], ribbons: [] }
    const sums = columns.map(([, values]) => [...values.values()].reduce((sum, one) => sum + weight(one), 0))
    /* However small all boxes of a column are, their lines fit in. */
    const scale = Math.min(...columns.map(([, values], index) => Math.max(0, size.height - values.size * size.line) / (sums[index] || 1)))
    const step = columns.length > 1 ? (size.width - size.box) / (columns.length - 1) : 0
    const boxes = new Map<string, Box & { inAt: number; outAt: number }>()
    for (const [index, [column, values]] of columns.entries()) {
        let y = 0
        /* The rest stands last, whatever it amounts to. */
        const sorted = [...values].sort((a, b) => Number(a[0] === null) - Number(b[0] === null) || (a[0] !== null && b[0] !== null ? place(a[0]) - place(b[0]) : 0) || weight(b[1]) - weight(a[1]))
        for (const [value, one] of sorted) {
            const height = Math.max(1, weight(one) * scale)
            const key = JSON.stringify([column, value])
            boxes.set(key, { key, column, value, count: weight(one), x: index * step, y, height, inAt: y, outAt: y })
            y += height + size.line
        }
    }
    const ribbons = flows
        .map((flow) => ({ flow, from: boxes.get(JSON.stringify([flow.column, flow.from]))!, to: boxes.get(JSON.stringify([flow.column + 1, flow.to]))! }))
        .sort((a, b) => a.from.y - b.from.y || a.to.y - b.to.y)
        .map(({ flow, from, to }) => {
            const width = Math.max(0.5, flow.count * scale)
            const [x1, x2] = [from.x + size.box, to.x]
            const [y1, y2] = [from.outAt + width / 2, to.inAt + width / 2]
            const middle = (x1 + x2) / 2
            from.outAt += width
            to.inAt += width
            return { from, to, count: flow.count, width, path: `M${x1},${y1}C${middle},${y1} ${middle},${y2} ${x2},${y2}` }
        })
    return { boxes: [...boxes.values()], ribbons }
}
