// Can each have a place of its own? Bipartite matching by augmenting paths; by Hall's theorem a failure names a set with too few places.

export interface TooFew<Item extends object, Place extends string> {
  /** These have together only those places, which are fewer than they are. */
  readonly items: readonly Item[];
  readonly places: readonly Place[];
}

/** `placesOf` gives the places that an item may have, in a fixed order. Null: each can have one of its own. */
export function withoutPlace<Item extends object, Place extends string>(items: readonly Item[], placesOf: (item: Item) => readonly Place[]): TooFew<Item, Place> | null {
  // Each has so many that the others can't take them all.
  if (items.every((item) => placesOf(item).length >= items.length)) return null;
  const takenBy = new Map<Place, Item>();
  for (const item of items) {
    const seen = new Set<Place>();
    if (augment(item, seen)) continue;
    const rivals = [...seen].flatMap((place) => takenBy.get(place) ?? []);
    return { items: items.filter((one) => one === item || rivals.includes(one)), places: [...seen] };
  }
  return null;

  /** Takes a free place, or one whose holder can go elsewhere. */
  function augment(item: Item, seen: Set<Place>): boolean {
    const places = placesOf(item);
    const free = places.find((place) => !takenBy.has(place));
    const place = free ?? places.find((one) => !seen.has(one) && isLeft(one, seen));
    if (place !== undefined) takenBy.set(place, item);
    return place !== undefined;
  }

  function isLeft(place: Place, seen: Set<Place>): boolean {
    seen.add(place);
    const holder = takenBy.get(place);
    return holder === undefined || augment(holder, seen);
  }
}
