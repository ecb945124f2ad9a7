/* Asks again every so often while the page is looked at: for what no topic tells of. */
import { onMounted, onUnmounted } from 'vue'

export function useEvery(ms: number, work: () => unknown): void {
    let timer: number | undefined
    onMounted(() => {
        timer = window.setInterval(() => (document.hidden ? undefined : work()), ms)
    })
    onUnmounted(() => window.clearInterval(timer))
}
