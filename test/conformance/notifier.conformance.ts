// What every Notifier must do, simulated or real.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/cluster/alert.js';
import { alertOf } from '../../src/cluster/alert.js';
import { anEvent, SOURCE } from '../../src/cluster/alerts.fixture.js';
import type { Notifier } from '../../src/cluster/notifier.js';
import { OperationalError } from '../../src/shared/errors.js';

/** `refuses`: answers that it does not want it. `hangs`: never answers. `away`: nobody is there. `forgetful`: took it, and nobody learns of it. */
export type NotifierRigFault = 'none' | 'refuses' | 'hangs' | 'away' | 'forgetful';

export interface NotifierRig {
  readonly notifier: Notifier;
  /** Is in the configuration and must not be shown. */
  readonly secret: string;
  /** What arrived at the far side, as it arrived. */
  taken(): readonly Alert[];
  setFault(fault: NotifierRigFault): Promise<void>;
  /** Forgets what arrived. */
  empty(): void;
  close(): Promise<void>;
}

/** Longer than the bound of any notifier under test. */
const BOUND_MS = 5_000;

export function notifierConformance(name: string, start: () => Promise<NotifierRig>): void {
  describe(`Notifier: ${name}`, () => {
    let rig: NotifierRig;
    beforeAll(async () => void (rig = await start()));
    afterAll(() => rig?.close());
    beforeEach(async () => {
      await rig.setFault('none');
      rig.empty();
    });
    const alert = alertOf(SOURCE, anEvent(7, { message: 'host-1 is silent: „ž“\n"quoted"', operationId: 'op-1' }));
    const send = (one = alert): Promise<void> => rig.notifier.send(one, new AbortController().signal);
    const failure = async (sending: Promise<void>): Promise<OperationalError> => {
      const began = performance.now();
      const error: unknown = await sending.then(() => 'it was taken', (reason: unknown) => reason);
      expect(error).toBeInstanceOf(OperationalError);
      expect(performance.now() - began).toBeLessThan(BOUND_MS);
      expect(String(error)).not.toContain(rig.secret);
      return error as OperationalError;
    };

    it('delivers an alert whole, and again with the same id', async () => {
      await send();
      await send();
      expect(rig.taken()).toEqual([alert, alert]);
    });

    it('delivers one after the other in the order in which it is told', async () => {
      const all = [1, 2, 3].map((seq) => alertOf(SOURCE, anEvent(seq)));
      for (const one of all) await send(one);
      expect(rig.taken()).toEqual(all);
    });

    it('has a name without secrets', () => {
      expect(rig.notifier.describe).not.toBe('');
      expect(rig.notifier.describe).not.toContain(rig.secret);
    });

    it.each<NotifierRigFault>(['refuses', 'hangs', 'away'])('%s: fails plainly and in time; nothing arrived, and the next one does', async (fault) => {
      await rig.setFault(fault);
      expect((await failure(send())).message).not.toBe('');
      await rig.setFault('none');
      rig.empty();
      await send();
      expect(rig.taken()).toEqual([alert]);
    });

    it('forgetful: fails, although it arrived', async () => {
      await rig.setFault('forgetful');
      await failure(send());
      expect(rig.taken()).toEqual([alert]);
    });

    it('is given up at once when that is asked', async () => {
      await rig.setFault('hangs');
      const given = new AbortController();
      const sending = failure(rig.notifier.send(alert, given.signal));
      given.abort();
      await sending;
      await failure(rig.notifier.send(alert, AbortSignal.abort()));
    });
  });
}
