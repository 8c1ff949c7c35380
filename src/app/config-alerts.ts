// Where alerts go: the settings, and what is made of them once secrets are read.
import { z } from 'zod';
import { SEVERITIES, type Severity } from '../cluster/alert.js';
import { fail, ok, type Result } from '../shared/result.js';
import type { SettingMeta } from './config-schema.js';
import { readSecret } from './config-secrets.js';
import type { ReadFile } from './config-sources.js';

/** More would be a list of people: that belongs into what is behind the target. */
const MOST_TARGETS = 16;
const NAME = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
const PATTERN = /^[a-z0-9*]([a-z0-9.*-]{0,61}[a-z0-9*])?$/;

/** Without a user in it: fetch refuses such a URL, with the password in its message. */
function isWebhook(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

const target = z.strictObject({
  name: z.string().regex(NAME),
  url: z.string().refine(isWebhook).optional(),
  urlFile: z.string().min(1).optional(),
  secretFile: z.string().min(1).optional(),
  command: z.tuple([z.string().startsWith('/')], z.string()).optional(),
  least: z.enum(SEVERITIES as [Severity, ...Severity[]]).default('warning'),
  types: z.array(z.string().regex(PATTERN)).min(1).max(64).optional(),
  // `reeve alert test` waits for it, and gives up after a minute.
  timeoutS: z.number().int().min(1).max(30).default(10),
});

/** A URL alone is called by its host. */
function targetFromText(value: unknown): unknown {
  return typeof value === 'string' && URL.canParse(value) ? { name: new URL(value).hostname, url: value } : value;
}

const PARTS = {
  name: 'up to 63 lower-case letters, digits, dots and hyphens',
  url: 'a URL that starts with http:// or https://, without a user in it',
  urlFile: 'the path of a readable file',
  secretFile: 'the path of a readable file',
  command: 'a list of an absolute path and arguments, such as [/usr/local/bin/page, --now]',
  least: `one of ${SEVERITIES.join(', ')}`,
  types: 'a list of event types such as workload.error or host.*',
  timeoutS: 'a whole number of seconds from 1 to 30',
};

const said = <T extends z.ZodType>(schema: T, meta: SettingMeta): T => schema.meta({ ...meta });

export const alertsSchema = z.strictObject({
  targets: said(z.array(z.preprocess(targetFromText, target)).max(MOST_TARGETS).default([]), {
    doc: 'Where alerts go. `name` is how it is called; `url`, or `urlFile`, a file that holds it; `secretFile`, a file with the secret that signs what is sent; or `command`, a program with its arguments instead; `least`, the least severity that is sent (warning unless given); `types`, only events of these types, `host.*` for all of a kind; `timeoutS`, how long it may take (10 unless given). See docs/alerts.md.',
    right: `a list of at most ${MOST_TARGETS} targets, each a URL or {name, url or urlFile or command, secretFile, least, types, timeoutS}`,
    secret: true,
    parts: PARTS,
  }),
  maxAgeH: said(z.number().int().min(1).max(720).default(24), {
    doc: 'What is older when a target can be reached again is not sent any more: one alert says how many these were.',
    right: 'a whole number of hours from 1 to 720',
  }),
});

/** Frozen, with the secrets in it. */
export interface AlertsConfig {
  readonly maxAgeMs: number;
  readonly targets: readonly AlertTargetConfig[];
}

export interface AlertTargetConfig {
  readonly name: string;
  readonly way: AlertWay;
  readonly least: Severity;
  readonly types: readonly string[] | null;
  readonly timeoutMs: number;
}

/** `secret` null: nothing is signed. */
export type AlertWay = { readonly kind: 'webhook'; readonly url: string; readonly secret: string | null } | { readonly kind: 'command'; readonly command: readonly [string, ...string[]] };

/** `from` says where the setting came from, then its path. */
export function completeAlerts({ targets, maxAgeH }: z.output<typeof alertsSchema>, from: string, readFile: ReadFile): Result<AlertsConfig, string> {
  const found: AlertTargetConfig[] = [];
  for (const [nth, given] of targets.entries()) {
    const complete = completeTarget(given, `${from} (at ${nth})`, readFile);
    if (!complete.ok) return complete;
    if (found.some((one) => one.name === given.name)) return fail(`${from} (at ${nth}) has the name ${given.name}, and so has another target; give each its own`);
    found.push(complete.value);
  }
  return ok({ maxAgeMs: maxAgeH * 3_600_000, targets: found });
}

type GivenTarget = z.output<typeof target>;

function completeTarget({ name, least, types, timeoutS, ...given }: GivenTarget, at: string, readFile: ReadFile): Result<AlertTargetConfig, string> {
  const ways = (['url', 'urlFile', 'command'] as const).filter((one) => given[one] !== undefined);
  if (ways.length !== 1) return fail(`${at}: ${name} has ${ways.length === 0 ? 'none of url, urlFile and command' : ways.join(' and ')}; give one of them`);
  const way = given.command === undefined ? completeWebhook(given, at, readFile) : completeCommand(given.command, given.secretFile, at);
  return way.ok ? ok({ name, way: way.value, least, types: types ?? null, timeoutMs: timeoutS * 1_000 }) : way;
}

function completeCommand(command: readonly [string, ...string[]], secretFile: string | undefined, at: string): Result<AlertWay, string> {
  return secretFile === undefined ? ok({ kind: 'command', command }) : fail(`${at}.secretFile signs what goes to a URL, and this is a command; leave it out`);
}

function completeWebhook({ url, urlFile, secretFile }: Pick<GivenTarget, 'url' | 'urlFile' | 'secretFile'>, at: string, readFile: ReadFile): Result<AlertWay, string> {
  const address = urlFile === undefined ? ok(url ?? '') : readSecret(`${at}.urlFile`, urlFile, readFile);
  if (!address.ok) return address;
  if (!isWebhook(address.value)) return fail(`${at}.urlFile: ${urlFile} does not hold ${PARTS.url}`);
  const secret = secretFile === undefined ? ok(null) : readSecret(`${at}.secretFile`, secretFile, readFile);
  if (!secret.ok) return secret;
  if (secret.value?.startsWith('whsec_') && !/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret.value)) return fail(`${at}.secretFile: ${secretFile} begins with whsec_, and what follows is no base64`);
  return ok({ kind: 'webhook', url: address.value, secret: secret.value });
}
