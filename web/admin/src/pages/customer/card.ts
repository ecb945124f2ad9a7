/* What the head of a customer's page needs besides the profile. */
import type { Reply } from '@papilio/api'

export type Customer = Reply<'/api/customers/{customer_id}'>
export type Card = Reply<'/api/customers/{customer_id}/card'>
export type CardAttribute = Card['attributes'][number]
export type Child = Card['children'][number]
