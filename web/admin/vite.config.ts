/* Builds the console into build/web/admin, each text file also as .br and .gz, so that the server only sends bytes. */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'
import vue from '@vitejs/plugin-vue'
import ElementPlus from 'unplugin-element-plus/vite'

const outDir = fileURLToPath(new URL('../../build/web/admin', import.meta.url))
const server = process.env.PAPILIO_URL ?? 'http://127.0.0.1:8080'

/** Element Plus's sheets arrive with the page that needs them; in a layer of their own they never override ours,
 * whichever chunk comes first. */
function elementLayer(): Plugin {
    return {
        name: 'element-layer',
        transform(code, id) {
            if (!/element-plus.*\.css$/.test(id.split('?')[0] ?? '')) return null
            return { code: `@layer reset, element;@layer element{${code.replace(/@charset "[^"]*";/, '')}}`, map: null }
        },
    }
}

function compressed(): Plugin {
    return {
        name: 'compressed',
        apply: 'build',
        closeBundle() {
            for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
                if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue
                const path = join(entry.parentPath ?? entry.path, entry.name)
                const bytes = readFileSync(path)
                if (bytes.length < 512) continue
                const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
                writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
                writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
            }
        },
    }
}

export default defineConfig({
    plugins: [vue(), ElementPlus({}), elementLayer(), compressed()],
    resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
    define: {
        __VUE_I18N_FULL_INSTALL__: false,
        __VUE_I18N_LEGACY_API__: false,
        __INTLIFY_PROD_DEVTOOLS__: false,
    },
    build: {
        outDir,
        emptyOutDir: true,
        target: 'es2022',
        manifest: true,
        assetsInlineLimit: 0,
        chunkSizeWarningLimit: 700,
        modulePreload: { polyfill: false },
    },
    server: { proxy: { '/api': server, '/papilio.js': server } },
})
