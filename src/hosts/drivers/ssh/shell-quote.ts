// Shell quoting in one place: every value that reaches a shell on a host passes through here.

/** One word for a POSIX shell, whatever it contains. */
export function quote(value: string): string {
  if (value.includes('\0')) throw new RangeError('a shell word cannot contain NUL');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** A command line from words. */
export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ');
}
