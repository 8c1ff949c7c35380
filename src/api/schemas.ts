// The bodies and queries that the API takes, checked field by field; an unknown field is refused.
import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/i, 'up to 63 letters, digits, dots and dashes, such as host-1');
const address = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/, 'an address or a host name');
const port = z.int().min(1).max(65_535);

const hostKey = z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/, 'a host key such as "ssh-ed25519 AAAA…"; `reeve host add` shows it');

export const DEFAULT_HEARTBEAT_PORT = 7481;

export const fenceDevice = z.strictObject({
  kind: z.enum(['ipmi', 'redfish', 'fence-agent', 'manual']),
  options: z.record(z.string(), z.string()).default({}),
});

export const newHost = z.strictObject({
  name,
  address,
  links: z.array(address).min(1).max(4).optional(),
  heartbeatPort: port.default(DEFAULT_HEARTBEAT_PORT),
  ssh: z.strictObject({
    user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a login name').default('root'),
    port: port.default(22),
    identityFile: z.string().startsWith('/', 'an absolute path on the control plane\'s machine').nullable().default(null),
    hostKey,
  }),
  fenceDevices: z.array(fenceDevice).max(8).default([]),
});

export const repin = z.strictObject({ hostKey });
export const scanKey = z.strictObject({ address, port: port.default(22) });
export const fenceDevices = z.strictObject({ fenceDevices: z.array(fenceDevice).max(8) });
export const reason = z.strictObject({ reason: z.string().trim().min(1, 'say how you know').max(500) });
export const removal = z.strictObject({ lost: z.boolean().default(false) });
export const nothing = z.strictObject({});

const drainPolicy = z.enum(['migrate', 'relocate', 'leave']);
const priority = z.int().min(-1_000).max(1_000);

export const adoption = z.strictObject({ host: name, name: z.string().min(1).max(255), isProtected: z.boolean().default(false), priority: priority.default(0), drainPolicy: drainPolicy.default('migrate') });
export const newWorkload = z.strictObject({ spec: z.record(z.string(), z.unknown()), host: name.nullable().default(null), isProtected: z.boolean().default(false), priority: priority.default(0), start: z.boolean().default(true) });
export const stop = z.strictObject({ force: z.boolean().default(false), timeoutS: z.int().min(0).max(3_600).default(60) });
export const deletion = z.strictObject({ deleteDisks: z.boolean().default(false), forget: z.boolean().default(false) });
export const setPriority = z.strictObject({ priority });
export const move = z.strictObject({
  to: name.nullable().default(null),
  bandwidthMiBps: z.int().min(1).nullable().default(null),
  maxDowntimeMs: z.int().min(1).max(60_000).nullable().default(null),
  copyStorage: z.boolean().default(false),
});
export const relocation = z.strictObject({ to: name.nullable().default(null), force: z.boolean().default(false), timeoutS: z.int().min(0).max(3_600).default(60) });
export const disarm = z.strictObject({ reason: z.string().trim().min(1, 'say why').max(500), forS: z.int().min(1).max(7 * 86_400).nullable().default(3_600) });

const limit = z.coerce.number().int().min(1).max(500).default(100);
export const page = z.strictObject({ limit, after: z.string().max(128).optional() });
export const operationPage = z.strictObject({
  limit,
  after: z.string().max(128).optional(),
  state: z.string().optional(),
  kind: z.string().optional(),
  workload: z.string().optional(),
  host: z.string().optional(),
});
export const eventPage = z.strictObject({
  limit,
  after: z.coerce.number().int().min(0).optional(),
  type: z.string().max(100).optional(),
  host: z.string().max(255).optional(),
  workload: z.string().max(255).optional(),
});
