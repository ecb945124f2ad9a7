/* One segment as its page has it. */
import type { Reply } from '@papilio/api'

export type SegmentReply = Reply<'/api/segments/{segment_id}'>
export type SegmentOne = SegmentReply['one']
export type Version = SegmentReply['versions'][number]
export type Size = SegmentReply['sizes'][number]
export type Explained = Reply<'/api/segments/{segment_id}/explain'>
