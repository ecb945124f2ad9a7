/* The title of a kind of timer, message or payment in the language shown. */
import { useI18n } from 'vue-i18n'

export function useKind(): (row: { kind_zh: string; kind_en: string }) => string {
    const { locale } = useI18n()
    return (row) => (locale.value === 'zh' ? row.kind_zh : row.kind_en)
}
