// Pages by cursor: `after` is the key of the last item seen; `next` is null on the last page.

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Of items sorted by their key. */
export function pageOf<Item>(items: readonly Item[], keyOf: (item: Item) => string, { limit, after }: { readonly limit: number; readonly after?: string | undefined }): Page<Item> {
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, next: rest.length > limit && last !== undefined ? keyOf(last) : null };
}
