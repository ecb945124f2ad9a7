/* Jobs of the one who is signed in: those that run, and those that ended while one looked on. */
import { computed, ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { api, take, type Item, type Reply } from '@papilio/api'

export type Job = Item<Reply<'/api/jobs'>>

export const isOpen = (job: Job): boolean => ['waiting', 'running', 'undoing'].includes(job.status)

export const useJobs = defineStore('jobs', () => {
    const all = shallowRef<Job[]>([])
    const followed = ref(new Set<string>())
    const shown = computed(() => all.value.filter((job) => isOpen(job) || followed.value.has(job.id)))

    async function load(): Promise<void> {
        try {
            all.value = (await take(api.GET('/api/jobs', { params: { query: { is_mine: true, limit: 20 } } }))).items
        } catch {
            return /* the tray is no place for errors: the next change asks again */
        }
        for (const job of all.value) if (isOpen(job)) followed.value.add(job.id)
    }
    function follow(id: string): void {
        followed.value.add(id)
        void load()
    }
    function dismiss(id: string): void {
        followed.value.delete(id)
    }
    return { all, shown, load, follow, dismiss }
})
