/* Why no page could be shown at all. */
import { shallowRef } from 'vue'
import type { ApiError } from '@papilio/api'

/** Where one wanted to go when it happened. */
export const bootTarget = shallowRef('')

export const bootError = shallowRef<ApiError>()
