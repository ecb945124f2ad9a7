/* Where in a JSON text a pointer's value stands: for a fault that names its place. */

/** [from, to) of the value; undefined where the text is no JSON or has no such place. The deepest place there is counts. */
export function spanAt(text: string, pointer: string): [number, number] | undefined {
    const keys = pointer.split('/').slice(1)
    let best: [number, number] | undefined
    let at = 0
    const blank = () => {
        while (/\s/.test(text[at] ?? '')) at++
    }
    const string = (): string => {
        const from = at
        for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++
        at++
        return JSON.parse(text.slice(from, at)) as string
    }
    const memberName = (): string => {
        const name = string()
        blank()
        at++ // the colon
        return name
    }
    /* `left`: what of the pointer is still to be gone; undefined off its way. */
    function value(left: string[] | undefined): void {
        blank()
        const from = at
        if (text[at] === '{') members(left, '}', memberName)
        else if (text[at] === '[') {
            let index = 0
            members(left, ']', () => String(index++))
        } else if (text[at] === '"') string()
        else while (at < text.length && !/[\s,\]}]/.test(text[at] ?? '')) at++
        if (left) best ??= [from, at] // the deepest ends first
    }
    function members(left: string[] | undefined, end: string, key: () => string): void {
        at++
        for (blank(); at < text.length && text[at] !== end; blank()) {
            const name = key()
            value(left && left[0] === name ? left.slice(1) : undefined)
            blank()
            if (text[at] === ',') at++
            blank()
        }
        at++
    }
    try {
        JSON.parse(text)
        value(keys)
    } catch {
        return undefined
    }
    return best
}

export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length
