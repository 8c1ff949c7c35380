// A port on the other side of a network: each call takes a while, and whoever dies in between does not know whether it took effect.
import { OperationalError } from '../shared/errors.js';
import type { Rng } from '../shared/rng.js';
import type { VirtualTime } from './engine/virtual-time.js';

/** A connection that does not come about. */
const NO_ANSWER_MS = 1_000;

export interface Distance {
  /** There and back. */
  readonly roundTripMs: () => number;
  /** Is there a way to it now? */
  readonly isReached: () => boolean;
  readonly rng: Rng;
  readonly time: VirtualTime;
}

/** Every method of the port, farther away. Methods named in `near` are answered at once (they are no calls). */
export function far<Port extends object>(port: Port, { roundTripMs, isReached, rng, time }: Distance, near: ReadonlySet<string>): Port {
  const wait = (): Promise<void> => new Promise((resolve) => void time.after(roundTripMs(), resolve));
  return new Proxy(port, {
    get: (target, key) => {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      if (typeof key === 'string' && near.has(key)) return value.bind(target) as unknown;
      return async (...values: readonly unknown[]) => {
        const ask = async (): Promise<unknown> => Reflect.apply(value, target, values) as unknown;
        if (!isReached()) {
          await new Promise<void>((resolve) => void time.after(NO_ANSWER_MS, resolve));
          throw new OperationalError('unreachable', 'the database does not answer: simulated');
        }
        if (rng.next() < 0.5) {
          await wait();
          return ask();
        }
        // The effect first; a caller that dies during the way back never learns of it.
        const answer = ask();
        answer.catch(() => undefined);
        await wait();
        return answer;
      };
    },
  });
}
