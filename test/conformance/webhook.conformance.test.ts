// The webhook against the suite of its port, and what is its own: HTTP, signatures, redirects; on a real server on loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { alertOf, type Alert } from '../../src/cluster/alert.js';
import { anEvent, SOURCE } from '../../src/cluster/alerts.fixture.js';
import { webhookNotifier, type WebhookOptions } from '../../src/notifiers/webhook-notifier.js';
import { notifierConformance, type NotifierRigFault } from './notifier.conformance.js';
import { status, WebhookServer, type Answer } from './webhook-server.js';

const SECRET = 's3cret';
const TIMEOUT_MS = 400;
const silent: Answer = () => undefined;
const nowS = (): number => Math.floor(Date.now() / 1_000);

const options = (server: WebhookServer, set: Partial<WebhookOptions> = {}): WebhookOptions => ({ url: `${server.origin}/${SECRET}?a=1`, secret: SECRET, timeoutMs: TIMEOUT_MS, nowS, ...set });

const ANSWERS: { readonly [F in NotifierRigFault]: Answer } = { none: status(204), refuses: status(500, 'we are closed'), hangs: silent, away: silent, forgetful: (response) => void response.destroy() };

notifierConformance('webhook', async () => {
  const server = new WebhookServer();
  await server.start();
  return {
    notifier: webhookNotifier(options(server)),
    secret: SECRET,
    taken: () => server.deliveries.map(({ body }) => JSON.parse(body) as Alert),
    setFault: async (fault) => {
      server.answer = ANSWERS[fault];
      await (fault === 'away' ? server.stop() : server.start());
    },
    empty: () => void server.deliveries.splice(0),
    close: () => server.stop(),
  };
});

describe('a webhook', () => {
  const server = new WebhookServer();
  const alert = alertOf(SOURCE, anEvent(7, { message: 'Straße' }));
  beforeAll(() => server.start());
  afterAll(() => server.stop());
  beforeEach(() => {
    server.answer = status(204);
    server.deliveries.splice(0);
  });
  const send = (set: Partial<WebhookOptions> = {}): Promise<string> =>
    webhookNotifier(options(server, set)).send(alert, new AbortController().signal).then(() => 'taken', (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`);

  it('is a POST of JSON to the whole address, with its id in a header', async () => {
    expect(await send()).toBe('taken');
    expect(server.deliveries).toMatchObject([{ method: 'POST', path: `/${SECRET}?a=1`, headers: { 'content-type': 'application/json', 'webhook-id': '5f3a-7' } }]);
  });

  it.each([
    ['200 with a body', status(200, 'thanks'), 'taken'],
    ['202', status(202), 'taken'],
    ['a head, and a body that never ends', ((response) => void response.writeHead(200).write('x')) as Answer, 'taken'],
    ['400 with its reason', status(400, '{"error":\n "no such channel"}'), 'failed: ORIGIN answered 400 Bad Request: {"error": "no such channel"}'],
    ['500 without a word', status(500), 'failed: ORIGIN answered 500 Internal Server Error'],
    ['429', status(429), 'busy: ORIGIN answered 429 Too Many Requests'],
    ['a refusal whose body never comes', ((response) => void response.writeHead(502).flushHeaders()) as Answer, 'failed: ORIGIN answered 502 Bad Gateway'],
    ['nothing', silent, 'timeout: ORIGIN did not answer within 0.4 s'],
    ['another protocol', ((_response, { socket }) => void socket.end('SSH-2.0\r\n')) as Answer, 'unreachable: ORIGIN can\'t be reached: '],
  ])('answered by %s', async (_what, answer, expected) => {
    server.answer = answer;
    const began = performance.now();
    const said = await send();
    expect(said.startsWith(expected.replace('ORIGIN', server.origin)) ? expected : said).toBe(expected);
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS + 1_500);
  });

  it('shows one line of a long refusal', async () => {
    server.answer = status(500, 'x'.repeat(100_000));
    expect((await send()).length).toBeLessThan(300);
  });

  it.each([301, 302, 307, 308])('follows no redirect (%i), and tells where the fault is', async (code) => {
    server.answer = status(code, '', { location: `${server.origin}/elsewhere` });
    expect(await send()).toBe(`failed: ${server.origin} redirects (${code}); redirects are not followed`);
    expect(server.deliveries.map(({ path }) => path)).toEqual([`/${SECRET}?a=1`]);
  });

  it('says who is not there', async () => {
    expect(await send({ url: 'http://127.0.0.1:1/x' })).toMatch(/^unreachable: http:\/\/127\.0\.0\.1:1 can't be reached: (connect ECONNREFUSED 127\.0\.0\.1:1|bad port)$/);
    expect(await send({ url: 'http://nobody.invalid/x' })).toContain("unreachable: http://nobody.invalid can't be reached: getaddrinfo");
  });

  it('is signed so that a library of Standard Webhooks takes it, with a secret in either form', async () => {
    const key = Buffer.from('0123456789abcdef01234567').toString('base64');
    for (const secret of [`whsec_${key}`, '0123456789abcdef01234567']) {
      await send({ secret });
      const { headers, body } = server.deliveries.at(-1)!;
      expect(new Webhook(key).verify(body, headers as Record<string, string>)).toEqual(alert);
      expect(() => new Webhook(key).verify(body.replace('host-1', 'host-2'), headers as Record<string, string>)).toThrow('No matching signature');
    }
  });

  it('is not signed without a secret', async () => {
    await send({ secret: null });
    expect(server.deliveries[0]?.headers).not.toHaveProperty('webhook-signature');
  });

  it('is taken by the example in docs/alerts.md, as it stands there; what is forged is not', async () => {
    const example = /```js\n([^]*?)```/.exec(readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8'))?.[1] ?? '';
    const receiver = await startExample(example);
    try {
      expect(await send({ url: receiver.url })).toBe('taken');
      expect(await send({ url: receiver.url })).toBe('taken');
      for (const forged of [{ secret: 'other' }, { secret: null }, { nowS: () => nowS() - 301 }]) expect(await send({ url: receiver.url, ...forged })).toContain('answered 401');
      expect(receiver.said()).toEqual([`${alert.at} alert lab: Straße`]);
    } finally {
      await receiver.close();
    }
  });
});

async function startExample(text: string): Promise<{ readonly url: string; said(): readonly string[]; close(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-alerts-'));
  const port = await freePort();
  writeFileSync(join(dir, 'receiver.mjs'), text);
  writeFileSync(join(dir, 'secret'), `${SECRET}\n`);
  const child = spawn(process.execPath, [join(dir, 'receiver.mjs'), String(port), join(dir, 'secret')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  while (!out.includes('listening')) await Promise.race([once(child.stdout, 'data'), exit.then(() => Promise.reject(new Error('it ended')))]);
  return {
    url: `http://127.0.0.1:${port}/`,
    said: () => out.trim().split('\n').slice(1),
    close: async () => {
      child.kill();
      await exit;
      rmSync(dir, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
