/* A condition in words. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useAudience } from '@/lib/audience'
import type { Json } from './lines'
import type { Condition } from './model/wire'
import { wordsOf } from './model/words'

export function useWords(): ComputedRef<(condition: Json) => string> {
    const { t } = useI18n()
    const audience = useAudience()
    return computed(() => {
        const { sentence } = wordsOf(audience.names.value, t)
        return (condition) => sentence(condition as Condition)
    })
}
