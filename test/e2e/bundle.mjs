/* TypeScript modules of the console, to be run by tests without a browser; esbuild comes with the console's own build. */
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

/* What `source`, a module at home in the console's src, exports. Nothing of it may need a browser. */
export async function bundle(source) {
    const src = fileURLToPath(new URL('../../web/admin/src', import.meta.url))
    const { outputFiles } = await build({ stdin: { contents: source, resolveDir: src, loader: 'ts' }, alias: { '@': src }, bundle: true, write: false, format: 'esm', target: 'node18' })
    return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
}
