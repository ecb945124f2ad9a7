/* Light, dark or as the system says; public/theme.js applies the same before the first paint. */
import { ref } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
const KEPT = 'papilio.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

function kept(): Theme {
    try {
        const value = localStorage.getItem(KEPT)
        if (value === 'light' || value === 'dark') return value
    } catch {
        /* storage is off */
    }
    return 'system'
}

export const theme = ref<Theme>(kept())
export const isDark = ref(document.documentElement.classList.contains('dark'))

function apply(): void {
    isDark.value = theme.value === 'dark' || (theme.value === 'system' && system.matches)
    document.documentElement.classList.toggle('dark', isDark.value)
}
system.addEventListener('change', apply)

export function chooseTheme(next: Theme): void {
    theme.value = next
    try {
        if (next === 'system') localStorage.removeItem(KEPT)
        else localStorage.setItem(KEPT, next)
    } catch {
        /* the choice lasts until the page is closed */
    }
    apply()
}
