/* The looks one may choose from, as options of a Segmented. */
import { useI18n } from 'vue-i18n'
import type { Locale } from '@/i18n'
import type { Theme } from './theme'

export const LOCALES: { value: Locale; label: string }[] = [
    { value: 'zh', label: '中文' },
    { value: 'en', label: 'English' },
]

export function useThemes(): () => { value: Theme; label: string }[] {
    const { t } = useI18n()
    const themes: Theme[] = ['system', 'light', 'dark']
    return () => themes.map((value) => ({ value, label: t(`theme.${value}`) }))
}
