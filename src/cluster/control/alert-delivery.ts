// Tells people: each target is sent the alerts that it wants, in order, at least once, by the leader. A target that is down holds up only itself.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { Log } from '../../shared/log.js';
import { failed, isDue, newCursor, succeeded, type AlertCursor, type AlertCursors, type Settled } from '../alert-cursor.js';
import type { Alert, AlertSource } from '../alert.js';
import type { ClusterEvent } from '../cluster-event.js';
import type { ClusterStore } from '../cluster-store.js';
import { nextAlert } from '../next-alert.js';
import type { AlertTarget } from '../notifier.js';

/** What a replica needs to tell people. */
export interface AlertPorts {
  readonly targets: readonly AlertTarget[];
  readonly cursors: AlertCursors;
  readonly store: Pick<ClusterStore, 'events'>;
  readonly source: AlertSource;
  /** Events that are older are counted, not sent. */
  readonly maxAgeMs: number;
}

export interface AlertDeliveryPorts extends AlertPorts {
  readonly clock: Clock;
  readonly leaderEpoch: () => number | null;
  readonly log: Log;
}

/** An alert waits no longer than this for the next look. */
export const ALERTS_MS = 1_000;
/** Events that are read at once; more follow. */
const BATCH = 100;

export class AlertDelivery {
  readonly #busy = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #looking = false;
  #trouble: string | null = null;

  constructor(private readonly ports: AlertDeliveryPorts) {}

  /** Begins what is due, and does not wait for it: what a target takes is nobody else's time. Never throws. */
  async look(): Promise<void> {
    const epoch = this.ports.leaderEpoch();
    if (epoch === null || this.#looking || this.#stop.signal.aborted) return;
    this.#looking = true;
    try {
      await this.#lookAs(epoch);
      this.#note(null);
    } catch (error) {
      this.#note(`alerts: ${messageOf(error)}`);
    } finally {
      this.#looking = false;
    }
  }

  /** What is being sent is given up, and sent again by whoever leads next. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#busy.values());
  }

  async #lookAs(epoch: number): Promise<void> {
    const { targets, cursors, store, clock } = this.ports;
    // Before the cursors are read: who is busy now may have moved on by then.
    const idle = targets.filter(({ target }) => !this.#busy.has(target));
    if (idle.length === 0) return;
    const kept = new Map((await cursors.list()).map((one) => [one.target, one]));
    const newest = (await store.events(null, 1)).at(-1)?.seq ?? 0;
    for (const target of idle) {
      const cursor = kept.get(target.target);
      if (!cursor) await cursors.save(newCursor(target.target, newest), { leaderEpoch: epoch, events: [] });
      else if (isDue(cursor, clock.nowMs()) && (cursor.seq < newest || cursor.skipped !== null)) this.#begin(target, cursor);
    }
  }

  #begin(target: AlertTarget, cursor: AlertCursor): void {
    const done = this.#deliver(target, cursor)
      .catch((error: unknown) => this.#note(`alerts to ${target.target}: ${messageOf(error)}`))
      .finally(() => this.#busy.delete(target.target));
    this.#busy.set(target.target, done);
  }

  /** Until nothing is left, a try fails, or another leads. Every turn leaves events behind it or ends. */
  async #deliver(target: AlertTarget, from: AlertCursor): Promise<void> {
    const { store, source, maxAgeMs, clock } = this.ports;
    let cursor = from;
    let events: readonly ClusterEvent[] = [];
    while (!this.#stop.signal.aborted) {
      if (events.length === 0) events = await store.events(cursor.seq, BATCH);
      const next = nextAlert(cursor, events, { filter: target, source, nowMs: clock.nowMs(), maxAgeMs });
      if (next.alert === null && next.cursor === cursor) return;
      const settled = next.alert === null ? { cursor: next.cursor, events: [] } : await this.#send(target, next.cursor, { alert: next.alert, seq: next.seq });
      if (settled === null || !(await this.#save(settled))) return;
      if (next.alert !== null && settled.cursor.failure !== null) return;
      cursor = settled.cursor;
      events = next.rest;
    }
  }

  /** Null: it was stopped meanwhile, and nobody knows. */
  async #send({ target, notifier }: AlertTarget, cursor: AlertCursor, { alert, seq }: { readonly alert: Alert; readonly seq: number | null }): Promise<Settled | null> {
    const { clock, log } = this.ports;
    try {
      await notifier.send(alert, this.#stop.signal);
      if (cursor.failure) log.info({ target }, 'alerts reach the target again');
      return succeeded(cursor, seq, clock.nowMs());
    } catch (error) {
      if (this.#stop.signal.aborted) return null;
      if (!cursor.failure) log.warn({ target }, `an alert did not reach its target: ${messageOf(error)}`);
      return failed(cursor, messageOf(error), clock.nowMs());
    }
  }

  async #save({ cursor, events }: Settled): Promise<boolean> {
    const leaderEpoch = this.ports.leaderEpoch();
    return leaderEpoch !== null && this.ports.cursors.save(cursor, { leaderEpoch, events });
  }

  /** Says a trouble once; the next look tries again. */
  #note(trouble: string | null): void {
    if (trouble !== null && trouble !== this.#trouble) this.ports.log.warn(trouble);
    this.#trouble = trouble;
  }
}
