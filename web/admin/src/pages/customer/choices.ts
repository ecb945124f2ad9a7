/* Colleagues and stores within one's reach: to filter by and to give customers to. */
import type { Reply } from '@papilio/api'

export type Choices = Reply<'/api/owners'>
