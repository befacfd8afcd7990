import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'libs/*/src/**/*.test.ts',
      'apps/*/src/**/*.test.ts',
      'tools/src/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    setupFiles: ['test/support/leftovers.ts'],
    isolate: false, // files share what they import, which takes most of their time otherwise
    server: { deps: { external: [/\/(libs|apps|tools)\/[^/]+\/dist\//] } }, // what is built is loaded by Node as it is
  },
})
