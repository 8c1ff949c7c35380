// URLs whose secrets lie in files: the whole URL, or only its password.
import { messageOf } from '../shared/errors.js';
import { fail, ok, type Result } from '../shared/result.js';
import type { ReadFile } from './config-sources.js';

/** One given way to a value, with the name to call it by. */
export interface Given {
  readonly name: string;
  readonly value: string | undefined;
}

export interface SecretUrl {
  readonly url: Given;
  readonly urlFile: Given;
  readonly passwordFile: Given;
  /** `postgres://…`: what a file that holds the URL must start with, one of. */
  readonly protocols: readonly string[];
}

/** Null: neither URL nor file is given. */
export function secretUrl({ url, urlFile, passwordFile, protocols }: SecretUrl, readFile: ReadFile): Result<string | null, string> {
  if (url.value !== undefined && urlFile.value !== undefined) return fail(`${url.name} and ${urlFile.name} are both given; give one of them`);
  const base = urlFile.value === undefined ? ok(url.value ?? null) : readSecret(urlFile.name, urlFile.value, readFile);
  if (!base.ok) return base;
  if (base.value === null) {
    return passwordFile.value === undefined ? ok(null) : fail(`${passwordFile.name} is given without ${url.name}; give the URL too`);
  }
  if (!protocols.some((one) => base.value?.startsWith(`${one}:`)) || !URL.canParse(base.value)) {
    return fail(`${urlFile.name}: the file does not hold a URL that starts with ${protocols.map((one) => `${one}://`).join(' or ')}`);
  }
  if (passwordFile.value === undefined) return ok(base.value);
  const password = readSecret(passwordFile.name, passwordFile.value, readFile);
  if (!password.ok) return password;
  const whole = new URL(base.value);
  whole.password = encodeURIComponent(password.value);
  return ok(whole.href);
}

/** The newline that editors and `echo` put at the end is no part of a secret. */
export function readSecret(name: string, file: string, readFile: ReadFile): Result<string, string> {
  try {
    const secret = readFile(file).trim();
    return secret === '' ? fail(`${name}: ${file} is empty`) : ok(secret);
  } catch (error) {
    return fail(`${name}: ${file} can't be read (${messageOf(error)})`);
  }
}
