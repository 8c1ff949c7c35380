// The clock that simulated processes get: the product's clock port with its timers.
import type { Clock } from '../../shared/clock.js';

export interface TimedClock extends Clock {
  after(ms: number, run: () => void): () => void;
  every(ms: number, run: () => void): () => void;
}
