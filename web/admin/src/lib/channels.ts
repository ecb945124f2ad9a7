/* The channels as a tree, for pickers and for the channel page. */
import { api, take, type Item, type Reply } from '@papilio/api'

export type Channel = Item<Reply<'/api/channels'>>

export interface ChannelNode {
    channel: Channel
    depth: number
    children: ChannelNode[]
}

export async function loadChannels(signal?: AbortSignal): Promise<Channel[]> {
    return (await take(api.GET('/api/channels', { signal }))).items
}

export function channelTree(channels: Channel[]): ChannelNode[] {
    const nodes = new Map<string, ChannelNode>()
    for (const channel of channels) nodes.set(channel.id, { channel, depth: 0, children: [] })
    const roots: ChannelNode[] = []
    for (const node of nodes.values()) {
        const parent = node.channel.parent_id ? nodes.get(node.channel.parent_id) : undefined
        ;(parent ? parent.children : roots).push(node)
    }
    const settle = (list: ChannelNode[], depth: number) => {
        list.sort((a, b) => a.channel.name.localeCompare(b.channel.name, 'zh-CN'))
        for (const node of list) {
            node.depth = depth
            settle(node.children, depth + 1)
        }
    }
    settle(roots, 0)
    return roots
}

/** The tree in reading order; a closed node's children are left out. */
export function flatten(nodes: ChannelNode[], isOpen: (node: ChannelNode) => boolean = () => true): ChannelNode[] {
    return nodes.flatMap((node) => [node, ...(isOpen(node) ? flatten(node.children, isOpen) : [])])
}
