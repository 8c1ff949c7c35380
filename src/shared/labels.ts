// Labels: what people write on hosts and workloads, and selectors over them.

export type Labels = Readonly<Record<string, string>>;

/** What is to become of labels: null takes one away, what is not named stays. */
export type LabelChanges = Readonly<Record<string, string | null>>;

/** A key or a value, as elsewhere: app, example.com/tier. */
export const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
export const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
/** On one host or workload. */
export const MOST_LABELS = 64;

/** Everything that the selector names must be there, with that value. */
export function matcherOf(selector: Labels): (labels: Labels) => boolean {
  const asked = Object.entries(selector);
  return (labels) => asked.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

export function withLabels(before: Labels, changes: LabelChanges): Labels {
  const kept = Object.entries({ ...before, ...changes }).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** app=db, tier=1 */
export const describeLabels = (labels: Labels): string => Object.keys(labels).sort().map((key) => `${key}=${labels[key] ?? ''}`).join(', ');
