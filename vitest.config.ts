import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    server: { deps: { external: [/\/(libs|apps|tools)\/[^/]+\/dist\//] } }, // what is built is loaded by Node as it is
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: [
            'libs/*/src/**/*.test.ts',
            'apps/console/src/**/*.test.ts',
            'apps/coordinator/src/**/*.test.ts',
          ],
          isolate: false, // their files share what they import, which takes most of their time otherwise
        },
      },
      {
        extends: true,
        test: {
          name: 'programs',
          include: ['apps/*/src/**/*.test.ts', 'tools/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['apps/console/src/**', 'apps/coordinator/src/**'],
        },
      },
    ],
  },
})
