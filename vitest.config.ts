// Test projects: unit (beside the code), golden scenarios, conformance, integration, e2e. Each stage of `npm test` picks one.
import { defineConfig } from 'vitest/config';

const common = { environment: 'node' as const, testTimeout: 20_000, hookTimeout: 60_000 };

export default defineConfig({
  oxc: { decorator: { legacy: true } },
  test: {
    projects: [
      // One world of modules for all files of a worker: loading them anew for each took longer than the tests. What a test changes, it puts back.
      { extends: true, test: { ...common, name: 'unit', isolate: false, include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'scripts/**/*.test.mjs'] } },
      { extends: true, test: { ...common, name: 'scenarios', include: ['test/scenarios/**/*.test.ts'] } },
      { extends: true, test: { ...common, name: 'conformance', include: ['test/conformance/**/*.test.ts'], testTimeout: 60_000 } },
      { extends: true, test: { ...common, name: 'integration', include: ['test/integration/**/*.test.ts'], globalSetup: ['test/integration/postgres-global-setup.ts'], testTimeout: 60_000, fileParallelism: false } },
      { extends: true, test: { ...common, name: 'e2e', include: ['test/e2e/**/*.e2e.test.ts'], testTimeout: 240_000, hookTimeout: 240_000, fileParallelism: false } },
    ],
  },
});
