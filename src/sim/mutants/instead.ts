// Replaces one method of a class, or one entry of a list, for as long as a mutant lives. Only the simulator does that: no switch is left in the product.

type Method = (...values: never[]) => unknown;
type MethodsOf<T> = { readonly [K in keyof T]: T[K] extends Method ? K : never }[keyof T];

/** `make` gets the original; what it gives takes its place. Returns the way back. */
export function instead<T extends object, K extends MethodsOf<T>>(prototype: T, name: K, make: (original: T[K]) => T[K]): () => void {
  const original = prototype[name];
  prototype[name] = make(original);
  return () => {
    prototype[name] = original;
  };
}

export function insteadInList<T>(list: readonly T[], entry: T, replacement: T): () => void {
  const writable = list as T[];
  const at = writable.indexOf(entry);
  writable[at] = replacement;
  return () => {
    writable[at] = entry;
  };
}
