// Gathers raw settings: the file, then the environment over it, then the command line over both.
import { parseDocument } from 'yaml';
import { messageOf } from '../shared/errors.js';
import { fail, ok, type Result } from '../shared/result.js';
import { SETTINGS, type Setting } from './config-settings.js';
import { nearest, suggestion, type Origins } from './config-trouble.js';

export type Raw = Record<string, unknown>;
export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

export interface Sources {
  readonly raw: Raw;
  readonly origins: Origins;
  /** How the file is called in messages. */
  readonly file: string;
}

export const DEFAULT_FILE = './reeve.yaml';

/** REEVE_ variables that are not settings: the file's own, and those of the CLI, the lab, the tests and the guard. */
const OTHER_VARIABLES = /^REEVE_(CONFIG|SERVER|CLUSTER|TOKEN|TOKEN_FILE|(LAB|TEST|BENCH|GUARD|AGENT)(_\w*)?)$/;
export const FLAGS = '--config FILE, --roles LIST';

interface Arguments {
  readonly config: string | null;
  readonly roles: string | null;
}

export function gather(argv: readonly string[], env: Environment, readFile: ReadFile): Result<Sources, string> {
  const flags = readArguments(argv);
  if (!flags.ok) return flags;
  const named = flags.value.config ?? (env['REEVE_CONFIG'] || null);
  const file = named ?? DEFAULT_FILE;
  const read = readConfigFile(file, named !== null, readFile);
  if (!read.ok) return read;
  const origins = new Map<string, string>();
  const raw = read.value;
  const stranger = unknownVariable(env);
  if (stranger) return fail(stranger);
  for (const setting of SETTINGS) {
    const variable = [setting.variable, setting.meta.alias].find((name) => name !== undefined && (env[name] ?? '') !== '');
    if (variable === undefined) continue;
    const text = env[variable] ?? '';
    const put = putAt(raw, setting.path, fromText(setting, text));
    if (!put) return fail(`${file}: ${setting.path.split('.')[0]} is not a section of settings`);
    origins.set(setting.path, `environment variable ${variable}`);
  }
  if (flags.value.roles !== null) {
    raw['roles'] = flags.value.roles.split(',').map((role) => role.trim());
    origins.set('roles', '--roles');
  }
  return ok({ raw, origins, file });
}

function readArguments(argv: readonly string[]): Result<Arguments, string> {
  const found: { config: string | null; roles: string | null } = { config: null, roles: null };
  for (let index = 0; index < argv.length; index++) {
    const [flag = '', attached] = (argv[index] ?? '').split(/=(.*)/s);
    if (flag !== '--config' && flag !== '--roles') return fail(`unknown argument ${flag}; known are ${FLAGS}`);
    const value = attached ?? argv[++index];
    if (value === undefined || value === '') return fail(`${flag} needs a value; known are ${FLAGS}`);
    found[flag === '--config' ? 'config' : 'roles'] = value;
  }
  return ok(found);
}

function readConfigFile(file: string, mustExist: boolean, readFile: ReadFile): Result<Raw, string> {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && !mustExist) return ok({});
    return fail(missing ? `${file}: there is no such file` : `${file}: can't be read (${messageOf(error)})`);
  }
  // JSON is YAML, so one parser reads both.
  const document = parseDocument(text, { prettyErrors: true });
  const trouble = document.errors[0];
  if (trouble) return fail(`${file}: ${(trouble.message.split('\n')[0] ?? '').replace(/:$/, '')}`);
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null || value === undefined) return ok({});
  if (typeof value !== 'object' || Array.isArray(value)) return fail(`${file}: it must be a mapping of settings, as in docs/configuration.md`);
  return ok(value as Raw);
}

function unknownVariable(env: Environment): string | null {
  const known = new Set(SETTINGS.map((one) => one.variable));
  const stranger = Object.keys(env).sort().find((name) => name.startsWith('REEVE_') && !known.has(name) && !OTHER_VARIABLES.test(name));
  if (stranger === undefined) return null;
  const near = nearest(stranger, [...known]);
  return `unknown environment variable ${stranger}${near ? `; did you mean ${near}?` : suggestion('')}`;
}

/** Text that is no number stays text: the check then says what would be right. */
function fromText({ shape }: Setting, text: string): unknown {
  switch (shape) {
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return { true: true, false: false }[text.toLowerCase()] ?? text;
    case 'list':
      return text.split(',').map((part) => part.trim());
    case 'text':
      return text;
  }
}

/** False when something other than a section is in the way. */
function putAt(raw: Raw, path: string, value: unknown): boolean {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = raw;
  for (const key of keys) {
    const next = (at[key] ??= {});
    if (typeof next !== 'object' || Array.isArray(next)) return false;
    at = next as Raw;
  }
  at[last] = value;
  return true;
}
