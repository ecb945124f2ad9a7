/* Changes to a tree of conditions. Always: the tree that was given stays as it is, and a place is named by its JSON pointer. */
import { formOf, type Condition } from './wire'

type Key = string | number
const keysOf = (path: string): Key[] => path.split('/').slice(1).map((key) => (/^\d+$/.test(key) ? Number(key) : key))
const pathOf = (keys: Key[]): string => keys.map((key) => `/${key}`).join('')

export function nodeAt(root: Condition, path: string): Condition | undefined {
    return keysOf(path).reduce<unknown>((node, key) => (node as Record<Key, unknown> | undefined)?.[key], root) as Condition | undefined
}

export function replaced(root: Condition, path: string, next: unknown): Condition {
    const put = (node: unknown, [key, ...rest]: Key[]): unknown => {
        if (key === undefined) return next
        if (Array.isArray(node)) return node.map((one, index) => (index === key ? put(one, rest) : one))
        return { ...(node as object), [key]: put((node as Record<Key, unknown>)[key], rest) }
    }
    return put(root, keysOf(path)) as Condition
}

/* ---- groups ------------------------------------------------------------------------------------- */

export type Joint = 'all' | 'any'
export const jointOf = (condition: Condition): Joint | undefined => {
    const form = formOf(condition)
    return form === 'all' || form === 'any' ? form : undefined
}

/** What stands behind the "not"s, where, and whether they turn it round. */
export function peeled(condition: Condition, path: string): { inner: Condition; path: string; isNot: boolean } {
    let inner = condition
    let at = path
    let isNot = false
    for (; formOf(inner) === 'not' && inner.not; isNot = !isNot) {
        inner = inner.not
        at += '/not'
    }
    return { inner, path: at, isNot }
}

/** The root is a group, so that something can be added. */
export function rooted(condition: Condition | undefined): Condition {
    if (condition === undefined || formOf(condition) === 'everyone') return { all: [] }
    return jointOf(condition) ? condition : { all: [condition] }
}

/* The list a place stands in, and its index there: a place behind "not" stands where the "not" does. */
function seatOf(path: string): { list: string; index: number } | undefined {
    const keys = keysOf(path)
    while (keys.at(-1) === 'not') keys.pop()
    const index = keys.pop()
    return typeof index === 'number' ? { list: pathOf(keys), index } : undefined
}
function changed(root: Condition, list: string, change: (parts: Condition[]) => Condition[]): Condition {
    return replaced(root, list, change((nodeAt(root, list) as unknown as Condition[]) ?? []))
}

export interface Edit {
    root: Condition
    path: string // where what was edited is now
}

/* As toSpliced, which browsers of before 2023 have not. */
const spliced = (list: Condition[], at: number, count: number, ...put: Condition[]) => [...list.slice(0, at), ...put, ...list.slice(at + count)]

export function added(root: Condition, group: string, condition: Condition): Edit {
    const node = nodeAt(root, group) as Condition
    const list = `${group}/${jointOf(node) ?? 'all'}`
    const index = (nodeAt(root, list) as unknown as Condition[]).length
    return { root: changed(root, list, (parts) => [...parts, condition]), path: `${list}/${index}` }
}

export function removed(root: Condition, path: string): Condition {
    const seat = seatOf(path)
    return seat ? changed(root, seat.list, (parts) => parts.filter((_, index) => index !== seat.index)) : { all: [] }
}

export function copied(root: Condition, path: string): Edit {
    const seat = seatOf(path)
    if (!seat) return { root, path }
    const copy = JSON.parse(JSON.stringify(nodeAt(root, `${seat.list}/${seat.index}`))) as Condition
    return { root: changed(root, seat.list, (parts) => spliced(parts, seat.index + 1, 0, copy)), path: `${seat.list}/${seat.index + 1}` }
}

export function negated(root: Condition, path: string): Edit {
    const seat = seatOf(path)
    const at = seat ? `${seat.list}/${seat.index}` : ''
    const node = nodeAt(root, at) as Condition
    const next = formOf(node) === 'not' && node.not ? node.not : { not: node }
    return seat ? { root: replaced(root, at, next), path: at } : { root: { all: [next] }, path: '/all/0' }
}

export function wrapped(root: Condition, path: string): Edit {
    const seat = seatOf(path)
    if (!seat) return { root: { all: [root] }, path: '/all/0' }
    const at = `${seat.list}/${seat.index}`
    return { root: replaced(root, at, { any: [nodeAt(root, at)] }), path: `${at}/any/0` }
}

/** A group's conditions come to stand where the group stood; those of a negated one stay together. */
export function unwrapped(root: Condition, path: string): Edit {
    const seat = seatOf(path)
    const at = seat && `${seat.list}/${seat.index}`
    const node = at ? nodeAt(root, at) : undefined
    const joint = node && jointOf(node)
    if (!seat || !at || !node || !joint) return { root, path }
    return { root: changed(root, seat.list, (parts) => spliced(parts, seat.index, 1, ...(node[joint] ?? []))), path: at }
}

/** One step up or down, as one reads: into the group that comes next, and out of the one it ends. Undefined: there is nowhere to go. */
export function moved(root: Condition, path: string, step: -1 | 1): Edit | undefined {
    const seat = seatOf(path)
    if (!seat) return undefined
    const parts = nodeAt(root, seat.list) as unknown as Condition[]
    const node = parts[seat.index] as Condition
    const next = seat.index + step
    const rest = parts.filter((_, index) => index !== seat.index)
    if (next < 0 || next >= parts.length) return movedOut(root, seat.list, node, rest, step)
    const neighbour = peeled(parts[next] as Condition, `${seat.list}/${step < 0 ? next : seat.index}`)
    const joint = jointOf(neighbour.inner)
    if (!joint) return { root: replaced(root, seat.list, spliced(rest, next, 0, node)), path: `${seat.list}/${next}` }
    const inside = `${neighbour.path}/${joint}`
    const taken = replaced(root, seat.list, rest)
    const at = step < 0 ? (neighbour.inner[joint]?.length ?? 0) : 0
    return { root: changed(taken, inside, (own) => spliced(own, at, 0, node)), path: `${inside}/${at}` }
}

function movedOut(root: Condition, list: string, node: Condition, rest: Condition[], step: -1 | 1): Edit | undefined {
    const group = seatOf(pathOf(keysOf(list).slice(0, -1)))
    if (!group) return undefined
    const at = step < 0 ? group.index : group.index + 1
    const taken = replaced(root, list, rest)
    return { root: changed(taken, group.list, (parts) => spliced(parts, at, 0, node)), path: `${group.list}/${at}` }
}

/* ---- places the server names --------------------------------------------------------------------- */

/** "definition/who/all/1/did/kind" -> "/all/1/did/kind": the place in the tree; undefined where it is not about conditions. */
export function placeOf(serverPath: string): string | undefined {
    const match = /^(?:(?:query|definition)(?=\/|$))?\/?who(\/.*)?$/.exec(serverPath)
    return match ? (match[1] ?? '') : undefined
}

/** Is a place this one or within it, and within none of its conditions that stand by themselves? */
export const isWithin = (path: string, place: string): boolean => place === path || place.startsWith(`${path}/`)

/** How many conditions that are no groups. */
export function leafCount(condition: Condition): number {
    const { inner } = peeled(condition, '')
    const joint = jointOf(inner)
    return joint ? (inner[joint] ?? []).reduce((sum, part) => sum + leafCount(part), 0) : 1
}
