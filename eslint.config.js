import js from '@eslint/js'
import globals from 'globals'
import ts from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import vueParser from 'vue-eslint-parser'

export default [
    { ignores: ['build/**', '**/dist/**', 'web/api/src/schema.d.ts'] },
    js.configs.recommended,
    ...ts.configs.recommended,
    ...vue.configs['flat/recommended'],
    {
        files: ['**/*.vue'],
        languageOptions: { parser: vueParser, parserOptions: { parser: ts.parser, sourceType: 'module' } },
    },
    {
        files: ['web/**/*.{ts,vue,js}'],
        languageOptions: { globals: globals.browser },
    },
    {
        files: ['test/e2e/**/*.mjs', 'web/admin/scripts/*.mjs', 'web/admin/vite.config.ts', 'eslint.config.js'],
        languageOptions: { globals: { ...globals.node, ...globals.browser } },
    },
    {
        rules: {
            eqeqeq: 'error',
            'no-console': ['error', { allow: ['warn', 'error'] }],
            'no-undef': 'off', // the type checker knows
            'vue/html-indent': ['error', 4],
            'vue/max-attributes-per-line': 'off',
            'vue/singleline-html-element-content-newline': 'off',
            'vue/html-self-closing': ['error', { html: { void: 'always' } }],
            'vue/multi-word-component-names': 'off',
            'vue/require-default-prop': 'off',
            'vue/no-v-html': 'error',
        },
    },
    { files: ['**/scripts/*.mjs', 'test/e2e/**/*.mjs'], rules: { 'no-console': 'off' } },
    {
        files: ['web/admin/public/*.js', 'web/snippet/*.js'], // run as they are, in old browsers too
        rules: { 'no-var': 'off', 'no-empty': 'off', '@typescript-eslint/no-unused-vars': 'off' },
    },
]
