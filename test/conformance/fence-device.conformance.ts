// What every FenceDevice must do, simulated or real; and that a fence by it proves what is true, and nothing else.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FenceDevice } from '../../src/fencing/fence-device.js';
import { runFence } from '../../src/fencing/run-fence.js';
import type { Clock } from '../../src/shared/clock.js';
import { OperationalError } from '../../src/shared/errors.js';
import { crashingJournal } from '../../src/shared/workflow.fixture.js';

/** `dead`: answers nothing. `lying`: says ok and does nothing. `slow`: takes its time, and does it. */
export type RigFault = 'none' | 'dead' | 'lying' | 'slow';

export interface FenceRig {
  readonly device: FenceDevice;
  /** The same machine with a wrong password, where there is one. */
  readonly intruder: FenceDevice | null;
  readonly secret: string;
  readonly clock: Clock;
  /** The machine itself, past the device. */
  isPowered(): Promise<boolean>;
  setPowered(on: boolean): Promise<void>;
  setFault(fault: RigFault): Promise<void>;
  close(): Promise<void>;
}

export function fenceDeviceConformance(name: string, start: () => Promise<FenceRig>): void {
  describe(`FenceDevice: ${name}`, () => {
    let rig: FenceRig;
    beforeAll(async () => {
      rig = await start();
    });
    afterAll(() => rig?.close());
    beforeEach(async () => {
      await rig.setFault('none');
      await rig.setPowered(true);
    });
    const fence = (device: FenceDevice = rig.device) => runFence({ host: 'host-3', devices: [device], lease: null, clock: rig.clock, stillWanted: async () => null }, crashingJournal().journal());

    describe('acts', () => {
      it('tells the power state as it is', async () => {
        expect(await rig.device.status()).toBe('on');
        await rig.setPowered(false);
        expect(await rig.device.status()).toBe('off');
      });

      it('cuts the power, and does no harm when it is told twice', async () => {
        await rig.device.off();
        expect(await rig.isPowered()).toBe(false);
        await rig.device.off().catch((error: unknown) => expect(error).toBeInstanceOf(OperationalError));
        expect(await rig.device.status()).toBe('off');
      });

      it('powers on', async () => {
        await rig.setPowered(false);
        await rig.device.on();
        expect(await rig.isPowered()).toBe(true);
        expect(await rig.device.status()).toBe('on');
      });

      it('is automatic, and its name has no secret', () => {
        expect(rig.device.automatic).toBe(true);
        expect(rig.device.describe).not.toContain(rig.secret);
      });
    });

    describe('fails plainly', () => {
      it('dead: status and off end with an OperationalError', async () => {
        await rig.setFault('dead');
        await expect(rig.device.status()).rejects.toBeInstanceOf(OperationalError);
        await expect(rig.device.off()).rejects.toBeInstanceOf(OperationalError);
        expect(await rig.isPowered()).toBe(true);
      });

      it('a wrong password tells no state, cuts nothing, and is not repeated in the message', async () => {
        if (!rig.intruder) return;
        await expect(rig.intruder.status()).rejects.toBeInstanceOf(OperationalError);
        const refusal: unknown = await rig.intruder.off().catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(OperationalError);
        expect(String(refusal)).not.toContain(rig.secret);
        expect(await rig.isPowered()).toBe(true);
      });
    });

    describe('fences', () => {
      it('succeeds with evidence, and the machine is off', async () => {
        const outcome = await fence();
        expect(outcome).toMatchObject({ kind: 'succeeded', memo: { device: rig.device.describe, evidence: expect.stringMatching(/told off.*, status off \d+ ms later$/) } });
        expect(await rig.isPowered()).toBe(false);
      });

      it('succeeds on a machine that is off already', async () => {
        await rig.setPowered(false);
        expect(await fence()).toMatchObject({ kind: 'succeeded' });
      });

      it('slow: succeeds once it is off, never before', async () => {
        await rig.setFault('slow');
        expect(await fence()).toMatchObject({ kind: 'succeeded' });
        expect(await rig.isPowered()).toBe(false);
      });

      it('lying: is no proof', async () => {
        await rig.setFault('lying');
        expect(await fence()).toMatchObject({ kind: 'failed', code: 'fence-failed', why: expect.stringContaining('status still says on') });
        expect(await rig.isPowered()).toBe(true);
      });

      it('dead: is no proof', async () => {
        await rig.setFault('dead');
        expect(await fence()).toMatchObject({ kind: 'failed', code: 'fence-failed' });
        expect(await rig.isPowered()).toBe(true);
      });
    });
  });
}
