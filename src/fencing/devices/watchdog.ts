// The host's own watchdog: nobody tells it anything from outside. Its proof is the end of the host's lease, which the fence waits for beside the devices.
import { OperationalError } from '../../shared/errors.js';
import type { FenceDevice } from '../fence-device.js';

const refuse = (): Promise<never> => Promise.reject(new OperationalError('unsupported', 'a watchdog is not told off: it resets its host when the lease is over'));

export const watchdogDevice: FenceDevice = { describe: 'lease and watchdog', automatic: false, off: refuse, on: refuse, status: refuse };
