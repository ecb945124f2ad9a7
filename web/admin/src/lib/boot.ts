/* Why no page could be shown at all. */
import { shallowRef } from 'vue'
import type { ApiError } from '@papilio/api'

export const bootError = shallowRef<ApiError>()
