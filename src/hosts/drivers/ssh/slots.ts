// A counted set of slots with a bounded wait: no more than so many commands at a time.
import { OperationalError } from '../../../shared/errors.js';

export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a slot; throws `busy` after `timeoutMs`. Nothing was done then. */
  async take(timeoutMs: number, what: string): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const granted = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1);
        reject(new OperationalError('busy', `${what}: too many commands are under way there; nothing was sent within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.push(granted);
    });
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
