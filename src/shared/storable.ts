// What the store can keep: JSON, and text without the two things that Postgres refuses.

/** NUL, and half of a surrogate pair (a text cut in the middle of a character). Foreign output contains both at times. */
const REFUSED = /[\0\p{Cs}]/gu;

export function storableText(text: string): string {
  return text.replace(REFUSED, '\uFFFD');
}

/** As JSON text. What JSON does not know (undefined, functions) is dropped, as it would be on the way to the database. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'string' ? storableText(one) : one));
}
