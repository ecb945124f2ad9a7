/* A failure in words: what happened and what to do about it. */
import { useI18n } from 'vue-i18n'
import type { ApiError } from '@papilio/api'

export function useErrorText(): (error: ApiError) => { what: string; hint: string } {
    const { t, te } = useI18n()
    return (error) => {
        const own = `error.code.${error.code.replace(/\./g, '_')}`
        const kind =
            error.status === 0
                ? error.code === 'net.late'
                    ? 'late'
                    : 'unreachable'
                : error.status === 403
                  ? 'forbidden'
                  : error.status === 404
                    ? 'gone'
                    : error.status === 429
                      ? 'often'
                      : error.status >= 500
                        ? 'server'
                        : 'refused'
        if (te(own)) return { what: t(own), hint: '' }
        const said = kind === 'refused' && error.message !== '' ? error.message : t(`error.${kind}.hint`)
        return { what: t(`error.${kind}.what`), hint: said }
    }
}

/** The same as one line. */
export function useErrorSentence(): (error: ApiError) => string {
    const textOf = useErrorText()
    return (error) => {
        const { what, hint } = textOf(error)
        return hint ? `${what} ${hint}` : what
    }
}
