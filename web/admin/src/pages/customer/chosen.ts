/* Which customers of a list are chosen for work on many: some by their boxes, or all the list stands for. */
import { ref, watch, type WatchSource } from 'vue'
import { api, take } from '@papilio/api'
import { useLoad } from '@/lib/load'
import { useSession } from '@/lib/session'
import { loadChoices } from './choices'

/** Another list is another choice. */
export function useChosen(list: WatchSource) {
    const session = useSession()
    const ids = ref<string[]>([])
    const isAll = ref(false)
    function drop() {
        ids.value = []
        isAll.value = false
    }
    /* Another box after "all": all but the rest would be needed; so it begins anew. */
    function choose(next: string[]) {
        ids.value = next
        isAll.value = false
    }
    watch(list, drop)
    const canChoose = ['customer.tag', 'customer.assign', 'customer.export'].some((right) => session.can(right))
    const choices = useLoad((signal) => loadChoices(session, signal))
    const tags = useLoad(async (signal) => (await take(api.GET('/api/tags', { signal }))).items)
    return { ids, isAll, canChoose, choose, drop, choices, tags }
}
