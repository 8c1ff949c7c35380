// What the daemon of a host has, in one command, and how its answer is read.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import { instanceSchema, type Instance } from './instance.js';
import type { HostSizes } from './sizes.js';

export const SECTION_MARK = '@@reeve-section ';

/** Needs the client's words before it. The instances of all projects: one that runs uses the host, whoever has it in which project. */
export const INVENTORY_SCRIPT = `echo "${SECTION_MARK}sizes"
getconf _NPROCESSORS_ONLN
while read -r key value rest; do [ "$key" != MemTotal: ] || echo "$value"; done < /proc/meminfo
echo "${SECTION_MARK}server"
client query /1.0 || exit $?
echo "${SECTION_MARK}instances"
client query '/1.0/instances?recursion=1&all-projects=true' || exit $?
echo "${SECTION_MARK}end"`;

export interface Inventory {
  readonly host: HostSizes;
  readonly server: Server;
  readonly instances: readonly Instance[];
}

export const serverSchema = z.object({
  config: z.record(z.string(), z.unknown()).transform((config) => config as Readonly<Record<string, unknown>>),
  environment: z.object({
    server_name: z.string().default(''),
    server_version: z.string(),
    server_clustered: z.boolean().default(false),
    driver: z.string(),
    architectures: z.array(z.string()),
    storage_supported_drivers: z.array(z.object({ Name: z.string(), Remote: z.boolean() })).nullish().transform((drivers) => drivers ?? []),
  }),
});

export type Server = Readonly<z.infer<typeof serverSchema>>;

export function parseInventory(output: string): Inventory {
  const sections = sectionsOf(output);
  // Without the last mark the answer is cut short, and a workload that is missing in it would look gone.
  if (!sections.has('end')) throw new OperationalError('failed', 'the inventory of instances ended before its end');
  const [cpus = NaN, memoryKiB = NaN] = (sections.get('sizes') ?? '').trim().split('\n').map(Number);
  if (!(cpus > 0 && memoryKiB > 0)) throw new OperationalError('failed', 'the host did not say how many CPUs and how much memory it has');
  const server = jsonOf(serverSchema, sections.get('server') ?? '', 'the daemon about itself');
  const all = jsonOf(z.array(instanceSchema), sections.get('instances') ?? '', 'the daemon about its instances');
  // A member of a cluster of daemons tells of all members' instances.
  const here = all.filter(({ location }) => !server.environment.server_clustered || location === server.environment.server_name);
  return { host: { cpus, memoryMiB: Math.floor(memoryKiB / 1024) }, server, instances: here };
}

export function sectionsOf(output: string): ReadonlyMap<string, string> {
  const parts = `\n${output}`.split(`\n${SECTION_MARK}`).slice(1).map((part): [string, string] => {
    const end = part.indexOf('\n');
    return end < 0 ? [part.trim(), ''] : [part.slice(0, end).trim(), part.slice(end + 1)];
  });
  return new Map(parts);
}

export function jsonOf<Schema extends z.ZodType>(schema: Schema, text: string, what: string): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OperationalError('failed', `what is said by ${what} is no JSON: ${text.trim().slice(0, 80)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OperationalError('failed', `what is said by ${what} can't be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

