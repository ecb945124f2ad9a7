/* What was done, told with a way back for as long as it is shown. */
import { h } from 'vue'
import { useI18n } from 'vue-i18n'
import { ElMessage } from 'element-plus'
import { useErrorSentence } from './errors'
import { asApiError } from './load'

const SHOWN_MS = 8_000

export function useUndo(): (text: string, undo: () => Promise<unknown>) => void {
    const { t } = useI18n()
    const sentence = useErrorSentence()
    return (text, undo) => {
        const back = async () => {
            told.close()
            try {
                await undo()
                ElMessage.success(t('common.undone'))
            } catch (cause) {
                ElMessage.error(sentence(asApiError(cause)))
            }
        }
        const button = h('button', { type: 'button', class: 'link-button', style: 'margin-left: 1rem', onClick: back }, t('common.undo'))
        const told = ElMessage({ type: 'success', duration: SHOWN_MS, showClose: true, message: h('span', [text, button]) })
    }
}
