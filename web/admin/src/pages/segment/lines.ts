/* A definition as lines from the root down, each with the JSON pointer by which the server names it; and how two versions differ. */
export type Json = Record<string, unknown>
export interface Line {
    path: string
    depth: number
    form: 'all' | 'any' | 'not' | 'leaf'
    condition: Json
}

const asObject = (value: unknown): Json => (value !== null && typeof value === 'object' ? (value as Json) : {})
export const whoOf = (definition: unknown): Json => {
    const { who } = asObject(definition)
    return who === undefined ? { everyone: true } : asObject(who)
}

/* The tree is the server's own, which is at most 32 deep. */
function walk(condition: Json, path: string, depth: number): Line[] {
    for (const form of ['all', 'any'] as const) {
        const parts = condition[form]
        if (!Array.isArray(parts)) continue
        return [{ path, depth, form, condition }, ...parts.flatMap((part, n) => walk(asObject(part), `${path}/${form}/${n}`, depth + 1))]
    }
    if (condition.not !== undefined) return [{ path, depth, form: 'not', condition }, ...walk(asObject(condition.not), `${path}/not`, depth + 1)]
    return [{ path, depth, form: 'leaf', condition }]
}
export const linesOf = (definition: unknown): Line[] => walk(whoOf(definition), '/who', 0)

/** The conditions that one version has and the other has not. */
export function differenceOf(now: unknown, before: unknown): { added: Json[]; taken: Json[]; isSame: boolean } {
    const leaves = (definition: unknown) => linesOf(definition).filter(({ form }) => form === 'leaf')
    const textOf = ({ condition }: Line) => JSON.stringify(condition)
    const without = (these: Line[], others: Line[]) => {
        const left = others.map(textOf)
        return these
            .filter((line) => {
                const at = left.indexOf(textOf(line))
                if (at >= 0) left.splice(at, 1)
                return at < 0
            })
            .map(({ condition }) => condition)
    }
    const [mine, theirs] = [leaves(now), leaves(before)]
    return { added: without(mine, theirs), taken: without(theirs, mine), isSame: JSON.stringify(whoOf(now)) === JSON.stringify(whoOf(before)) }
}

/** The events a condition looks at; none: it looks at none. */
export function eventsOf(condition: Json): Json[] {
    for (const form of ['did', 'regularly', 'first_time', 'stopped', 'restarted', 'rfm']) if (condition[form] !== undefined) return [asObject(condition[form])]
    if (Array.isArray(condition.sequence)) return condition.sequence.map(asObject)
    const steps = asObject(condition.funnel).steps
    if (Array.isArray(steps)) return steps.map(asObject)
    return typeof condition.purchase === 'string' ? [{ kind: condition.kind }] : []
}
