/* Before the first paint: the theme and language kept from last time, so that nothing flashes. */
(function () {
    var root = document.documentElement
    var theme = null
    var locale = null
    try {
        theme = localStorage.getItem('papilio.theme')
        locale = localStorage.getItem('papilio.locale')
    } catch (e) {
        /* storage is off: follow the system */
    }
    var isDark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
    root.classList.toggle('dark', isDark)
    root.lang = locale === 'en' ? 'en' : 'zh-CN'
})()
