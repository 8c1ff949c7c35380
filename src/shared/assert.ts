// Assertions that throw a Defect: they state what must hold, and help the type checker.
import { Defect } from './errors.js';

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Defect(message);
}

export function unreachable(value: never, message = 'unexpected value'): never {
  throw new Defect(`${message}: ${JSON.stringify(value)}`);
}
