// Would an instance run on another host? One command asks for all that it needs by name, and what lacks becomes a reason with a remedy.
import { z } from 'zod';
import type { Dialect } from './dialect.js';
import { isReplica, uuidOf } from './instance.js';
import { readInstanceDefinition, type InstanceDefinition } from './instance-definition.js';
import { instanceNeedsOf } from './instance-needs.js';
import { inventoryScript, parseInventory, type Inventory } from './inventory.js';
import { jsonOf, sectionsOf, SECTION_MARK } from './sections.js';
import { missingBridgesScript } from './container-daemon.js';

export interface Incompatibility {
  readonly code: string;
  readonly why: string;
  readonly remedy: string | null;
}

/** Sizes do not matter here, nor which pools are remote. */
const ANY_HOST = { cpus: 1, memoryMiB: 1, pools: [] };

/** Needs the client's words before it. A project that is not there has no profiles and no networks: they are asked for only where it is. */
export function compatibilityScript(definition: string): string {
  const { bridges } = instanceNeedsOf(definition, ANY_HOST);
  const { project, driver } = readInstanceDefinition(definition);
  const of = `project=${encodeURIComponent(project)}`;
  return `echo "${SECTION_MARK}bridges"
${missingBridgesScript(bridges)}
echo "${SECTION_MARK}projects"
client query /1.0/projects || exit $?
echo "${SECTION_MARK}pools"
client query /1.0/storage-pools || exit $?
echo "${SECTION_MARK}networks"
client query '/1.0/networks?${of}' 2>/dev/null || echo '[]'
echo "${SECTION_MARK}profiles"
client query '/1.0/profiles?${of}' 2>/dev/null || echo '[]'
${inventoryScript(driver)}`;
}

export function parseInstanceCompatibility(output: string, definition: string, host: string, dialect: Dialect): readonly Incompatibility[] {
  const inventory = parseInventory(output);
  const sections = sectionsOf(output);
  const wanted = readInstanceDefinition(definition);
  const client = dialect.driver === 'incus' ? 'incus' : 'lxc';
  const { instance } = instanceNeedsOf(definition, ANY_HOST);
  const lacking = (section: string, names: readonly string[]): readonly string[] => {
    const there = jsonOf(z.array(z.string()), sections.get(section) ?? '', `${dialect.title} about its ${section}`).map(lastPart);
    return names.filter((name) => name !== '' && !there.includes(name));
  };
  const reason = (code: string, what: string, remedy: string | null): Incompatibility => ({ code, why: `${host} ${what}`, remedy });
  const on = `on ${host}: ${client}`;
  const noProject = lacking('projects', [wanted.project]);
  return [
    ...platform(wanted, inventory, reason, on),
    ...noProject.map((name) => reason('project-missing', `has no project ${name}`, `${on} project create ${name}`)),
    ...lacking('pools', [instance?.pool ?? '']).map((name) => reason('pool-missing', `has no storage pool ${name}`, `${on} storage create ${name} dir (or the driver that the other hosts use)`)),
    ...(noProject.length > 0 ? [] : lacking('profiles', wanted.profiles).map((name) => reason('profile-missing', `has no profile ${name}`, `make it as on the other hosts: ${client} profile show ${name} there, then ${client} profile create and edit on ${host}`))),
    ...(noProject.length > 0 ? [] : lacking('networks', instance?.networks ?? []).map((name) => reason('network-missing', `has no managed network ${name}`, `${on} network create ${name}`))),
    ...(sections.get('bridges') ?? '').split('\n').filter(Boolean).map((name) => reason('bridge-missing', `has no bridge ${name}`, `on ${host}: ip link add ${name} type bridge && ip link set ${name} up (lasting: netplan)`)),
    ...nameTaken(wanted, inventory, reason, on),
  ];
}

type Reason = (code: string, what: string, remedy: string | null) => Incompatibility;

function platform({ architecture, kind }: InstanceDefinition, { server: { environment } }: Inventory, reason: Reason, on: string): readonly Incompatibility[] {
  return [
    ...(environment.architectures.includes(architecture) ? [] : [reason('architecture', `runs ${environment.architectures.join(', ')}, not ${architecture}`, null)]),
    ...(kind === 'container' || environment.driver.includes('qemu') ? [] : [reason('vms-unsupported', 'runs no virtual machines of this daemon', `${on} warning list (KVM and vhost_vsock must be there)`)]),
  ];
}

/** A replica of the same workload may have it: it becomes the workload. */
function nameTaken(wanted: InstanceDefinition, { instances }: Inventory, reason: Reason, on: string): readonly Incompatibility[] {
  const other = instances.find((one) => one.name === wanted.name && one.project === wanted.project && uuidOf(one) !== wanted.uuid);
  if (!other) return [];
  return [reason('name-taken', `has another instance named ${other.name}${isReplica(other) ? ' (a replica)' : ''}`, `${on} rename ${other.name} ANOTHER-NAME (while it is stopped)`)];
}

/** The API lists paths: "/1.0/profiles/default?project=p". */
const lastPart = (path: string): string => decodeURIComponent(path.replace(/\?.*$/, '').split('/').at(-1) ?? '');
