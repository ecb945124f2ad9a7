/* What imports share: the answers' types, and codes in words. */
import { useI18n } from 'vue-i18n'
import type { Item, Reply } from '@papilio/api'
import type { ApiError } from '@papilio/api'
import { useErrorSentence } from '@/lib/errors'

export type Run = Reply<'/api/imports/{import_id}'>
export type RunItem = Item<Reply<'/api/imports'>>
export type Preview = Reply<'/api/imports/{import_id}/preview', 'post'>
export type Uploaded = Reply<'/api/imports/upload', 'post'>

export const KINDS = ['customers', 'orders', 'events', 'costs'] as const

/** How the file is read, as the server keeps it. */
export interface Mapping {
    columns?: Record<string, string>
    [option: string]: unknown
}

export function useImportWords() {
    const { t, te } = useI18n()
    const sentence = useErrorSentence()
    const or = (key: string, other: string) => (te(key) ? t(key) : other)

    return {
        kind: (kind: string) => or(`import.kind.${kind}`, kind),
        field: (name: string) => or(`import.field.${name}`, name),
        status: (run: { status: string; is_dry?: boolean }) =>
            run.is_dry && run.status === 'done' ? t('import.status.tried') : or(`import.status.${run.status}`, run.status),
        code: (code: string, said = '') => or(`import.code.${code.replace(/\./g, '_')}`, said || code),
        error: (error: ApiError) => or(`import.code.${error.code.replace(/\./g, '_')}`, sentence(error)),
    }
}
