/* Who is signed in, and into which brand. */
import { computed, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { api, setCsrfToken, take, type Reply } from '@papilio/api'

export type Me = Reply<'/api/me'>

export const useSession = defineStore('session', () => {
    const me = shallowRef<Me>()
    const permissions = computed(() => new Set((me.value?.permissions ?? '').split(/\s+/)))

    async function load(): Promise<Me> {
        const answer = await take(api.GET('/api/me'))
        setCsrfToken(answer.csrf_token)
        me.value = answer
        return answer
    }
    function forget(): void {
        me.value = undefined
    }
    function can(permission: string): boolean {
        return permissions.value.has('*') || permissions.value.has(permission)
    }
    return { me, load, forget, can }
})
