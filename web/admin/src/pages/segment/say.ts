/* A condition in words. */
import { computed, type ComputedRef } from 'vue'
import type { Json } from './lines'

export function useWords(): ComputedRef<(condition: Json) => string> {
    return computed(() => (condition) => JSON.stringify(condition))
}
