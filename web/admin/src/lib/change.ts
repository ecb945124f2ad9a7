/* One change after another from buttons: busy meanwhile, the refusal said in words. */
import { ref, type Ref } from 'vue'
import { ElMessage } from 'element-plus'
import { useErrorSentence } from './errors'
import { asApiError } from './load'

export interface Change {
    isBusy: Ref<boolean>
    run: (work: () => Promise<unknown>) => Promise<boolean> // false: refused, and said so
}

export function useChange(): Change {
    const sentence = useErrorSentence()
    const isBusy = ref(false)
    async function run(work: () => Promise<unknown>): Promise<boolean> {
        if (isBusy.value) return false
        isBusy.value = true
        try {
            await work()
            return true
        } catch (cause) {
            ElMessage.error(sentence(asApiError(cause)))
            return false
        } finally {
            isBusy.value = false
        }
    }
    return { isBusy, run }
}
