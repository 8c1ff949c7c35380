// What is told of a receiver's refusal. Everything else about webhooks: the conformance suite.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { testAlert } from '../cluster/alert.js';
import { webhookNotifier } from './webhook-notifier.js';

/** As Express answers by itself: with what it was asked for. */
async function refusal(path: string): Promise<string> {
  const server = createServer((request, response) => response.writeHead(404).end(`<!DOCTYPE html>\n<title>Error</title><pre>Cannot POST ${request.url ?? ''}</pre>`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const alert = testAlert({ clusterId: 'c', cluster: 'c' }, { by: 'anna', nowMs: 0, nonce: '1' });
    return await webhookNotifier({ url, secret: null, timeoutMs: 5_000, nowS: () => 0 }).send(alert, new AbortController().signal).then(() => 'taken', String);
  } finally {
    server.close();
  }
}

describe('a refusal of a webhook', () => {
  it.each(['/hooks/T0P-SECRET-TOKEN', '/hooks?token=T0P-SECRET-TOKEN', '/hooks/T0P%2DSECRET-TOKEN/in'])('is told without the secret in its address: %s', async (path) => {
    const said = await refusal(path);
    expect(said).toContain('answered 404 Not Found: <!DOCTYPE html> <title>Error</title><pre>Cannot POST …');
    expect(said).not.toMatch(/T0P|TOKEN/);
  });
});
