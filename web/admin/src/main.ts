import { createApp } from 'vue'
import { createPinia } from 'pinia'
import { setCsrfToken, whenSignedOut } from '@papilio/api'
import App from './App.vue'
import { loadLocale, i18n, startLocale } from './i18n'
import { router } from './router'
import { useSession } from './lib/session'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './ui/base.css'

await loadLocale(startLocale())

const app = createApp(App)
app.use(createPinia()).use(i18n).use(router)
whenSignedOut(() => {
    useSession().forget()
    setCsrfToken('')
    const here = router.currentRoute.value
    if (here.name !== 'login' && here.name !== 'setup') {
        void router.replace({ name: 'login', query: here.path === '/' ? {} : { next: here.fullPath } })
    }
})
app.mount('#app')
