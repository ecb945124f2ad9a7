/* What the pages of payments share. */
import type { Item, Reply } from '@papilio/api'
import type { Tone } from '@/ui/StateTag.vue'

export type Saga = Item<Reply<'/api/sagas'>>
export type Difference = Item<Reply<'/api/bill_differences'>>
export const SAGA_STATUSES = ['created', 'sent', 'accepted', 'succeeded', 'failed', 'unknown'] as const
export const SAGA_TONES: Record<string, Tone> = { created: 'quiet', sent: 'live', accepted: 'live', succeeded: 'good', failed: 'bad', unknown: 'warn' }
