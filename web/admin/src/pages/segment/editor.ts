/* The tree that is edited, for all the parts of the editor: what they change, how it is taken back, where each part stands. */
import { computed, nextTick, ref, shallowRef, type ComputedRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'
import { added, copied, moved, negated, nodeAt, removed, replaced, unwrapped, wrapped, type Edit } from './model/tree'
import type { Condition } from './model/wire'

/** Of one condition and one customer. */
export interface Leaf {
    path: string // JSON pointer into the tree
    is_true: boolean
    since_ms?: number | null
    until_ms?: number | null
    measured_count?: number | null
}
export type Act = 'up' | 'down' | 'negate' | 'wrap' | 'unwrap' | 'copy' | 'remove'
export interface TreeEditor {
    root: Ref<Condition>
    replace: (path: string, next: Condition) => void
    add: (group: string, condition: Condition) => void
    act: (path: string, act: Act) => void
    canMove: (path: string, step: -1 | 1) => boolean
    pick: (group: string) => void // which condition to add there
    faultOf: (path: string) => string | undefined
    leafOf: (path: string) => Leaf | undefined
    isOpen: (path: string) => boolean // something is to be filled in
    isReadOnly: ComputedRef<boolean>
}
export const TREE: InjectionKey<TreeEditor> = Symbol('tree')

const TYPING_MS = 1_000
const PAST_MAX = 200

/* A condition without its values: as long as it stays the same, somebody may be typing. */
const shapeOf = (condition: Condition) => JSON.stringify(condition).replace(/"(?:[^"\\]|\\.)*"(?!:)|-?\d+/g, '')

/** What was, and what was taken back; typing in one place is one change. */
export function useHistory(root: Ref<Condition>, put: (next: Condition) => void) {
    const past: ShallowRef<Condition[]> = shallowRef([])
    const future: ShallowRef<Condition[]> = shallowRef([])
    let lastPlace = ''
    let lastMs = 0

    function change(next: Condition, place = ''): void {
        const isTyping = place !== '' && place === lastPlace && Date.now() - lastMs < TYPING_MS
        if (!isTyping) past.value = [...past.value, root.value].slice(-PAST_MAX)
        lastPlace = place
        lastMs = Date.now()
        future.value = []
        put(next)
    }
    function step(from: ShallowRef<Condition[]>, to: ShallowRef<Condition[]>): void {
        const next = from.value.at(-1)
        if (next === undefined) return
        from.value = from.value.slice(0, -1)
        to.value = [...to.value, root.value]
        lastPlace = ''
        put(next)
    }
    return {
        change,
        undo: () => step(past, future),
        redo: () => step(future, past),
        canUndo: computed(() => past.value.length > 0),
        canRedo: computed(() => future.value.length > 0),
    }
}

/** The steps that buttons take; focus follows what was moved. */
export function useActs(root: Ref<Condition>, change: (next: Condition, place?: string) => void, box: Ref<HTMLElement | null>) {
    const said = ref<{ act: Act | 'add'; condition: Condition }>()

    async function focus(path: string, what: string): Promise<void> {
        await nextTick()
        const row = box.value?.querySelector(`[data-path="${path}"]`)
        const button = row?.querySelector<HTMLElement>(`[data-act="${what}"]:not(:disabled)`) ?? row?.querySelector<HTMLElement>('button:not(:disabled), select, input')
        ;(button ?? box.value?.querySelector<HTMLElement>('[data-act="add"]'))?.focus()
    }
    function take(edit: Edit | undefined, act: Act): void {
        if (!edit) return
        change(edit.root)
        void focus(edit.path, act)
    }
    function act(path: string, what: Act): void {
        const condition = nodeAt(root.value, path) as Condition
        said.value = { act: what, condition }
        if (what === 'up' || what === 'down') take(moved(root.value, path, what === 'up' ? -1 : 1), what)
        else if (what === 'negate') take(negated(root.value, path), what)
        else if (what === 'wrap') take(wrapped(root.value, path), what)
        else if (what === 'unwrap') take(unwrapped(root.value, path), what)
        else if (what === 'copy') take(copied(root.value, path), what)
        else {
            change(removed(root.value, path))
            void focus(path, what)
        }
    }
    function add(group: string, condition: Condition): void {
        const edit = added(root.value, group, condition)
        said.value = { act: 'add', condition }
        change(edit.root)
        void focus(edit.path, 'first')
    }
    const canMove = (path: string, step: -1 | 1) => moved(root.value, path, step) !== undefined
    const replace = (path: string, next: Condition) => {
        said.value = undefined
        change(replaced(root.value, path, next), `${path} ${shapeOf(next)}`)
    }
    return { act, add, replace, canMove, said }
}
