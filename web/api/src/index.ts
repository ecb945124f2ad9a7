/* The one way from a page to the server: a client typed by the server's own OpenAPI document (schema.d.ts, generated at
 * build). Always: every change carries the CSRF token, every failure is an ApiError, a lost session is told once. */
import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'

export type { paths } from './schema'

/** What GET on a path answers. */
export type Reply<P extends keyof paths, M extends keyof paths[P] = 'get' & keyof paths[P]> = paths[P][M] extends {
    responses: { 200: { content: { 'application/json': infer Body } } }
}
    ? Body
    : never

/** One element of a list reply. */
export type Item<List extends { items: readonly unknown[] }> = List['items'][number]

export class ApiError extends Error {
    constructor(
        readonly status: number, // 0: no answer at all
        readonly code: string,
        message: string,
        readonly path = '',
    ) {
        super(message)
        this.name = 'ApiError'
    }
}

const ANSWER_WITHIN_MS = 60_000

let csrfToken = ''
let onSignedOut: () => void = () => {}

export function setCsrfToken(token: string): void {
    csrfToken = token
}

export function whenSignedOut(callback: () => void): void {
    onSignedOut = callback
}

/** A key that makes a repeated POST harmless; make one per form, not per click. */
export function newIdempotencyKey(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const session: Middleware = {
    onRequest({ request }) {
        if (request.method !== 'GET' && csrfToken !== '') request.headers.set('X-CSRF-Token', csrfToken)
        return request
    },
    onResponse({ request, response }) {
        if (response.status === 401 && !/\/api\/(login|me\/password)$/.test(request.url)) onSignedOut()
        return response
    },
}

async function fetchWithin(request: Request): Promise<Response> {
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS)
    return fetch(request, { signal: 'any' in AbortSignal ? AbortSignal.any([request.signal, late]) : late })
}

export const api = createClient<paths>({ baseUrl: '/', fetch: fetchWithin })
api.use(session)

interface Answer {
    data?: unknown
    error?: unknown
    response: Response
}

function apiErrorFrom(body: unknown, status: number): ApiError {
    const error = (body as { error?: { code?: string; message?: string; path?: string } } | undefined)?.error
    return new ApiError(status, error?.code ?? `http.${status}`, error?.message ?? '', error?.path)
}

/** The data of an answer, or an ApiError; an abort passes through as it is. */
export async function take<A extends Answer>(pending: Promise<A>): Promise<NonNullable<A['data']>> {
    let answer: A
    try {
        answer = await pending
    } catch (cause) {
        if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
        const isLate = cause instanceof DOMException && cause.name === 'TimeoutError'
        throw new ApiError(0, isLate ? 'net.late' : 'net.unreachable', String(cause))
    }
    if (!answer.response.ok) throw apiErrorFrom(answer.error, answer.response.status)
    return (answer.data ?? {}) as NonNullable<A['data']>
}

/** Sends a file as it is; tells how much of it has gone. An upload may take as long as the line needs. */
export function sendFile<Body>(path: string, file: Blob, onProgress: (done: number) => void, signal?: AbortSignal): Promise<Body> {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest()
        signal?.addEventListener('abort', () => request.abort())
        request.open('POST', path)
        request.responseType = 'json'
        request.setRequestHeader('Content-Type', 'application/octet-stream')
        if (csrfToken !== '') request.setRequestHeader('X-CSRF-Token', csrfToken)
        request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0)
        request.onerror = () => reject(new ApiError(0, 'net.unreachable', ''))
        request.onabort = () => reject(new DOMException('aborted', 'AbortError'))
        request.onload = () => {
            if (request.status === 401) onSignedOut()
            if (request.status === 200) resolve(request.response as Body)
            else reject(apiErrorFrom(request.response, request.status))
        }
        request.send(file)
    })
}
