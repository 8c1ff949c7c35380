// docs/configuration.md says what the schema says.
import { expect, it } from 'vitest';
import { configurationDocs } from './config-docs.js';

it('docs/configuration.md is up to date (renew it with -u)', async () => {
  await expect(configurationDocs()).toMatchFileSnapshot('../../docs/configuration.md');
});
