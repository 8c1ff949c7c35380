// Alerts by HTTP: a POST of JSON, signed as Standard Webhooks says, so that receivers find a library for it in their language.
import { createHmac } from 'node:crypto';
import type { Alert } from '../cluster/alert.js';
import type { Notifier } from '../cluster/notifier.js';
import { OperationalError } from '../shared/errors.js';

export interface WebhookOptions {
  /** http: or https:, without a user in it. May hold a secret in its path. */
  readonly url: string;
  /** Null: not signed. Text, or base64 after "whsec_". */
  readonly secret: string | null;
  /** For the whole of it, from the connection to the answer's status. */
  readonly timeoutMs: number;
  /** Seconds since 1970, for the signature. */
  readonly nowS: () => number;
}

/** What a receiver says about its refusal: a line of it is shown. */
const MOST_SAID = 200;

export function webhookNotifier({ url, secret, timeoutMs, nowS }: WebhookOptions): Notifier {
  const { origin } = new URL(url);
  return {
    describe: `webhook ${origin}`,
    send: async (alert, signal) => {
      const body = JSON.stringify(alert);
      const headers = { 'content-type': 'application/json', 'user-agent': 'reeve', ...signatureOf(alert, body, { secret, nowS }) };
      const bound = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: bound }).catch((error: unknown) => {
        throw failureOf(error, origin, timeoutMs);
      });
      await judge(response, url);
    },
  };
}

/** https://www.standardwebhooks.com; id and time are signed with the body, so that nobody sends it again as another one. */
function signatureOf({ id }: Alert, body: string, { secret, nowS }: Pick<WebhookOptions, 'secret' | 'nowS'>): Readonly<Record<string, string>> {
  const timestamp = String(nowS());
  const named = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === null) return named;
  const digest = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...named, 'webhook-signature': `v1,${digest}` };
}

const ENCODED = 'whsec_';

function keyOf(secret: string): Buffer {
  return secret.startsWith(ENCODED) ? Buffer.from(secret.slice(ENCODED.length), 'base64') : Buffer.from(secret);
}

async function judge(response: Response, url: string): Promise<void> {
  const { origin } = new URL(url);
  if (response.ok) return dismiss(response);
  if (response.status >= 300 && response.status < 400) {
    await dismiss(response);
    // An alert goes where it was configured to go, and nowhere else with its signature.
    throw new OperationalError('failed', `${origin} redirects (${response.status}); redirects are not followed`, 'configure the address that it redirects to');
  }
  const said = (await firstLine(response, secretsOf(url))).slice(0, MOST_SAID);
  const code = response.status === 429 || response.status === 503 ? 'busy' : 'failed';
  throw new OperationalError(code, `${origin} answered ${[response.status, response.statusText].join(' ').trim()}${said === '' ? '' : `: ${said}`}`);
}

/** The status said it all: the rest, however slow or long, is not waited for. */
async function dismiss({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}

/** "Cannot POST /hooks/…": what the address holds beside its host is told to nobody, not even by its receiver. The longest first. */
function secretsOf(url: string): readonly string[] {
  const { pathname, search, searchParams } = new URL(url);
  const parts = [pathname + search, pathname, search, ...[...pathname.split('/'), ...searchParams.values()].filter((part) => part.length >= SECRET_LENGTH)];
  return [...new Set(parts.flatMap((part) => [part, decoded(part)]))].filter((part) => part.length > 1).sort((one, other) => other.length - one.length);
}

/** Shorter parts are words. */
const SECRET_LENGTH = 8;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Well above what is shown: nothing is shown that a cut kept from being recognised. */
const MOST_READ = 64 * 1024;

/** The first piece only: a refusal that goes on and on is cut. */
async function firstLine({ body }: Response, secrets: readonly string[]): Promise<string> {
  if (!body) return '';
  const reader = body.getReader();
  const { value } = await reader.read().catch(() => ({ value: undefined }));
  await reader.cancel().catch(() => undefined);
  const text = new TextDecoder().decode(value?.subarray(0, MOST_READ));
  return secrets.reduce((left, secret) => left.replaceAll(secret, '…'), text).slice(0, 4 * MOST_SAID).replaceAll(/\s+/g, ' ').trim();
}

/** Of fetch: "fetch failed", with the reason as its cause; or the signal's own. */
function failureOf(error: unknown, origin: string, timeoutMs: number): OperationalError {
  if (error instanceof Error && error.name === 'TimeoutError') return new OperationalError('timeout', `${origin} did not answer within ${timeoutMs / 1_000} s`);
  if (error instanceof Error && error.name === 'AbortError') return new OperationalError('timeout', `${origin}: given up`);
  return new OperationalError('unreachable', `${origin} can't be reached: ${reasonOf(error)}`);
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(reasonOf).join(', ');
  if (cause instanceof Error) return reasonOf(cause);
  return error instanceof Error ? error.message : String(error);
}
