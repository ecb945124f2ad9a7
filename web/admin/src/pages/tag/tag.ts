import type { Item, Reply } from '@papilio/api'

export type TagReply = Reply<'/api/tags'>
export type Tag = Item<TagReply>
export type TagGroup = TagReply['groups'][number]
export const FAMILIES = ['channel', 'identity', 'intent', 'activity', 'spending'] as const
export type Family = (typeof FAMILIES)[number]
export const COLORS = ['#2b5bc4', '#1b8a72', '#d9a441', '#c25a4c', '#8a5cc2', '#8b8f98']
/* Deleting a tag of more customers than this needs a word more. */
export const SURE_ABOVE = 10_000
