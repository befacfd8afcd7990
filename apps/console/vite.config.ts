import { defineConfig } from 'vite'

/** Everything is a file of its own beside index.html, so that the page needs neither inline scripts nor the internet. */
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist/page',
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: process.env.LORICA_URL ?? 'http://127.0.0.1:7411', ws: true } } },
})
