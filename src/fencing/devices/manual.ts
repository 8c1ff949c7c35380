// A person with a power button: never tried, only waited for.
import { OperationalError } from '../../shared/errors.js';
import type { FenceDevice } from '../fence-device.js';

const refuse = (): Promise<never> => Promise.reject(new OperationalError('unsupported', 'a person must do this', 'reeve host confirm-off NAME'));

export const manualDevice: FenceDevice = { describe: 'manual confirmation', automatic: false, off: refuse, on: refuse, status: refuse };
