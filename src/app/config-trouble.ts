// What is wrong with the configuration, in one line that names the field and what would be right.
import type { z } from 'zod';
import { settingAt, SECTIONS, SETTINGS } from './config-settings.js';

/** Where the value of a setting came from: `reeve.yaml`, `environment variable …`. */
export type Origins = ReadonlyMap<string, string>;

interface Place {
  readonly origins: Origins;
  readonly file: string;
  /** Where the value stands in the file: "clusters.NAME." or nothing. */
  readonly under?: string;
}

/** The most letters that may differ for a suggestion to be more help than noise. */
const MAX_DISTANCE = 3;

export function describeIssue(issue: z.core.$ZodIssue, value: unknown, { origins, file, under = '' }: Place): string {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue, { origins, file, under });
  const setting = owner(issue.path);
  const path = setting?.path ?? issue.path.join('.');
  const from = origins.get(path) ?? file;
  const inside = issue.path.slice(path === '' ? 0 : path.split('.').length).map(String);
  const right = inside.map((key) => setting?.meta.parts?.[key]).find(Boolean) ?? setting?.meta.right ?? sectionRight(path);
  const within = inside.join('.');
  const place = within === '' ? `${under}${path}` || 'the file' : `${under}${path} (at ${within})`;
  const shown = setting?.meta.secret ? 'is not usable' : `is ${shownValue(valueAt(value, path))}`;
  return `${from}: ${place} ${shown}; it must be ${right}`;
}

function sectionRight(path: string): string {
  const keys = SETTINGS.filter((one) => one.path.startsWith(`${path}.`)).map((one) => one.path.slice(path.length + 1));
  return keys.length > 0 ? `a section with ${keys.join(', ')}` : 'a mapping of settings';
}

/** The setting that an issue is about: its path may go on into a list. */
function owner(path: readonly PropertyKey[]): ReturnType<typeof settingAt> {
  const parts = path.map(String);
  for (let length = parts.length; length > 0; length--) {
    const found = settingAt(parts.slice(0, length).join('.'));
    if (found) return found;
  }
  return null;
}

function unknownKey(issue: z.core.$ZodIssueUnrecognizedKeys, { origins, file, under = '' }: Place): string {
  const key = issue.keys[0] ?? '';
  const setting = owner(issue.path);
  if (setting) return `${origins.get(setting.path) ?? file}: ${under}${setting.path} has the unknown key ${key}; it must be ${setting.meta.right}`;
  const path = [...issue.path.map(String), key].join('.');
  return `${file}: unknown setting ${under}${path}${suggestion(path, under)}`;
}

/** `; did you mean timing.heartbeatMs?`, or where the list is. */
export function suggestion(path: string, under = ''): string {
  const names = [...SETTINGS.map((one) => one.path), ...SECTIONS.map((one) => one.name), 'clusters'];
  // A known name in the wrong section is the other common slip.
  const moved = names.find((name) => lastPart(name).toLowerCase() === lastPart(path).toLowerCase());
  const found = nearest(path, names) ?? moved;
  return found ? `; did you mean ${under}${found}?` : '; docs/configuration.md lists all';
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

export function nearest(word: string, candidates: readonly string[]): string | null {
  const scored = candidates.map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }));
  const best = scored.sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate))[0];
  return best && best.distance <= MAX_DISTANCE && best.distance < word.length / 2 ? best.candidate : null;
}

/** Levenshtein's: letters to insert, drop or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function valueAt(value: unknown, path: string): unknown {
  return path === '' ? value : path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), value);
}

const MAX_SHOWN = 60;

export function shownValue(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
