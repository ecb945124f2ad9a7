/* The organisation as the pages show it: the tree in order, each with its depth. */
import { api, take, type Item, type Reply } from '@papilio/api'

export type Org = Item<Reply<'/api/orgs'>>
export interface OrgNode {
    org: Org
    depth: number
}

export async function loadOrgs(signal?: AbortSignal): Promise<Org[]> {
    return (await take(api.GET('/api/orgs', { signal }))).items
}

export function orgTree(orgs: readonly Org[]): OrgNode[] {
    const ids = new Set(orgs.map((org) => org.id))
    const below = new Map<string, Org[]>()
    for (const org of orgs) {
        const parent = org.parent_id && ids.has(org.parent_id) ? org.parent_id : ''
        below.set(parent, [...(below.get(parent) ?? []), org])
    }
    const nodes: OrgNode[] = []
    const waiting = (below.get('') ?? []).map((org) => ({ org, depth: 0 })).reverse()
    for (let node = waiting.pop(); node; node = waiting.pop()) {
        nodes.push(node)
        const children = below.get(node.org.id) ?? []
        for (const org of [...children].reverse()) waiting.push({ org, depth: node.depth + 1 })
    }
    return nodes
}

/** As a line of a select box, which knows no other indentation. */
export const indented = ({ org, depth }: OrgNode): string => '\u3000'.repeat(depth) + org.name
