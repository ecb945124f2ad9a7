/* Two languages, one loaded at a time. zh is the master: en must have exactly its keys (checked by the compiler). */
import { createI18n } from 'vue-i18n'
import { shallowRef } from 'vue'
import type { Language } from 'element-plus/es/locale'

export type Locale = 'zh' | 'en'
const KEPT = 'papilio.locale'

export const i18n = createI18n({ legacy: false, locale: 'zh', fallbackLocale: 'zh', messages: {} })
export const elementLocale = shallowRef<Language>()

export function startLocale(): Locale {
    try {
        const kept = localStorage.getItem(KEPT)
        if (kept === 'zh' || kept === 'en') return kept
    } catch {
        /* storage is off */
    }
    return 'zh'
}

async function messagesOf(locale: Locale) {
    if (locale === 'en') {
        const [own, element] = await Promise.all([import('./en'), import('element-plus/es/locale/lang/en')])
        return { own: own.default, element: element.default }
    }
    const [own, element] = await Promise.all([import('./zh'), import('element-plus/es/locale/lang/zh-cn')])
    return { own: own.default, element: element.default }
}

export async function loadLocale(locale: Locale): Promise<void> {
    const { own, element } = await messagesOf(locale)
    i18n.global.setLocaleMessage(locale, own)
    i18n.global.locale.value = locale
    elementLocale.value = element
    document.documentElement.lang = locale === 'zh' ? 'zh-CN' : 'en'
}

export async function chooseLocale(locale: Locale): Promise<void> {
    await loadLocale(locale)
    try {
        localStorage.setItem(KEPT, locale)
    } catch {
        /* storage is off: the choice lasts until the page is closed */
    }
}

export function currentLocale(): Locale {
    return i18n.global.locale.value as Locale
}
