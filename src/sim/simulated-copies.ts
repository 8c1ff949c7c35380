// Copies of workloads whose data lie at their host, in the simulated world: as LXD's daemons make them, hanging included.
import { OperationalError } from '../shared/errors.js';
import { identityOf } from '../hosts/drivers/libvirt/domain-needs.js';
import { writtenNext, type CommandToken, type CopyRequest, type InstanceCopies, type MakeRequest, type MigrationCommandState, type Replica } from '../hosts/hypervisor.js';
import type { SimulatedDomain, SimulatedHost, SimulatedSpare, SimulatedWorld } from './simulated-world.js';

/** Of one host: what its copies are asked with. */
export interface CopiesParts {
  readonly world: SimulatedWorld;
  readonly host: string;
  readonly look: <Answer>(method: string, act: (host: SimulatedHost) => Answer) => Promise<Answer>;
  readonly change: <Answer>(token: CommandToken, method: string, act: (host: SimulatedHost) => Answer) => Promise<Answer>;
}

export interface SimulatedCopy {
  readonly id: string;
  readonly uuid: string;
  readonly to: string;
  /** Over which of what is there. */
  readonly into: 'replica' | 'spare';
  readonly toBootId: string;
  readonly startedAtMs: number;
  /** By the wall clock. */
  readonly asOfMs: number;
  readonly endsAtMs: number;
  /** What is written up to here is in it. */
  readonly dataAtMs: number;
  readonly data: string | undefined;
  /** When it was started last, where it did not run when the copying began; null: it ran. */
  readonly stood: Pick<SimulatedDomain, 'lastStart'> | null;
  ended: { readonly exitCode: number; readonly output: string } | null;
}

/** The first copy of everything, and one of what has changed since. */
const FULL_MS = 4_000;
const REFRESH_MS = 800;
/** Of one with much on its disk. */
const LARGE_MS = 8_000;
/** So long the daemons wait for a peer that has vanished. */
const HANGS_MS = 124_000;

export function simulatedCopies({ world, host: name, look, change }: CopiesParts): InstanceCopies {
  return {
    startCopy: (token: CommandToken, request: CopyRequest) => change(token, 'startCopy', (host) => {
      settleCopies(world, host);
      if (!host.copies.has(request.id)) host.copies.set(request.id, begin(world, host, request));
    }),
    startMake: (token, request) => change(token, 'startMake', (host) => {
      settleCopies(world, host);
      if (!host.copies.has(request.id)) host.copies.set(request.id, make(world, host, request));
    }),
    copyCommand: (id): Promise<MigrationCommandState> => look('copyCommand', (host) => {
      settleCopies(world, host);
      const copy = host.copies.get(id);
      if (!copy) return { kind: 'none' };
      return copy.ended ? { kind: 'ended', ...copy.ended } : { kind: 'running' };
    }),
    abortCopy: (token, id) => change(token, 'abortCopy', (host) => {
      settleCopies(world, host);
      const copy = host.copies.get(id);
      if (copy) copy.ended ??= { exitCode: 143, output: 'Terminated' };
    }),
    replicas: (uuid): Promise<readonly Replica[]> => look('replicas', (host) => [...host.domains.values()].flatMap(replicasOf).filter((one) => one.uuid === uuid)),
    allReplicas: () => look('allReplicas', (host) => ({ replicas: [...host.domains.values()].flatMap(replicasOf), mute: [] })),
    prepare: (token, uuid, keepsNewest) => change(token, 'prepare', (host) => {
      const domain = host.domains.get(uuid);
      if (!domain?.replica) return;
      if (writtenNext(domain.replica, domain.spare ?? null, keepsNewest) === 'replica') domain.replica = { ...domain.replica, asOfMs: null, isPrepared: true };
      else if (domain.spare) domain.spare = { ...domain.spare, asOfMs: null, isPrepared: true };
    }),
    reaches: (destination) => look('reaches', (host) => {
      const target = [...world.hosts].find((one) => one.name === destination);
      return target !== undefined && target.powered && !target.booting && !target.hung && world.reaches(host.name, target);
    }),
    settle: (token, uuid) => change(token, 'settle', (host) => {
      const domain = host.domains.get(uuid);
      if (domain?.replica && !domain.running && !isWrittenInto(world, host, uuid)) swapSpare(domain);
    }),
    setAside: (token, uuid, isReusable) => change(token, 'setAside', (host) => {
      const domain = host.domains.get(uuid);
      if (domain && host.daemonCluster !== null) throw new OperationalError('unsupported', `${domain.name} on ${name} is the only one in its cluster of LXD: it is not set aside`);
      if (domain?.running) throw new OperationalError('failed', `${domain.name} is not stopped on ${name}: it stays the workload`);
      if (domain && !domain.replica) Object.assign(domain, { replica: { asOfMs: null, ...(isReusable ? {} : { isSetAside: true }) }, autostart: false, autostartWas: domain.autostartWas ?? domain.autostart });
    }),
    deleteReplica: (token, uuid, kind) => change(token, 'deleteReplica', (host) => {
      const domain = host.domains.get(uuid);
      if (!domain) return;
      if (kind !== undefined && kind !== 'spare' && kind !== (domain.replica?.isSetAside ? 'set-aside' : 'replica')) return;
      if (kind !== 'spare' && (!domain.replica || domain.running)) throw new OperationalError('failed', `${domain.name} on ${name} is no replica: its data stay`);
      if (kind === undefined || kind === 'spare') domain.spare = null;
      if (kind !== 'spare') dropReplica(host, domain);
    }),
  };
}

function replicasOf({ uuid, name, replica, spare }: SimulatedDomain): readonly Replica[] {
  return [
    ...(replica && !replica.isGone ? [{ uuid, name, kind: replica.isSetAside ? ('set-aside' as const) : ('replica' as const), asOfMs: replica.asOfMs }] : []),
    ...(spare ? [{ uuid, name: `reeve-${uuid}`, kind: 'spare' as const, asOfMs: spare.asOfMs }] : []),
  ];
}

function dropReplica(host: SimulatedHost, domain: SimulatedDomain): void {
  if (domain.spare) Object.assign(domain, { replica: { asOfMs: null, isGone: true } });
  else host.domains.delete(domain.uuid);
}

/** A whole spare that is newer takes the replica's place; what it replaces is the spare then. */
export function swapSpare(domain: SimulatedDomain): void {
  const { replica, spare } = domain;
  if (!replica || replica.isSetAside || !spare || spare.asOfMs === null || (replica.asOfMs !== null && spare.asOfMs <= replica.asOfMs)) return;
  const { definition, dataAtMs, data, isLarge } = domain;
  const was: SimulatedSpare | null = replica.isGone ? null : { asOfMs: replica.asOfMs, definition, ...(dataAtMs === undefined ? {} : { dataAtMs }), data, isLarge };
  Object.assign(domain, { replica: { asOfMs: spare.asOfMs }, definition: spare.definition ?? definition, dataAtMs: spare.dataAtMs, data: spare.data, isLarge: spare.isLarge, spare: was });
}

/** The daemon there does not know that its peer is gone, and holds on to it. */
function isWrittenInto(world: SimulatedWorld, host: SimulatedHost, uuid: string): boolean {
  return [...world.hosts].some((other) => [...other.copies.values()].some((copy) => copy.uuid === uuid && copy.to === host.name && copy.into === 'replica' && copy.toBootId === host.bootId && copy.ended === null && world.clock.monotonicMs() < copy.endsAtMs));
}

function begin(world: SimulatedWorld, host: SimulatedHost, { id, uuid, destination, keepsNewest }: CopyRequest): SimulatedCopy {
  const now = world.clock.monotonicMs();
  const domain = host.domains.get(uuid);
  if (!domain || domain.replica) throw new OperationalError('not-found', `${host.name}: Instance not found`);
  const target = [...world.hosts].find((one) => one.name === destination.name);
  const there = target?.domains.get(uuid);
  const into = there?.replica ? writtenNext(there.replica, there.spare ?? null, keepsNewest) : 'replica';
  const over = into === 'spare' ? (there?.spare ?? undefined) : there?.replica && !there.replica.isGone ? { ...there, ...there.replica } : undefined;
  const tookMs = (over ? REFRESH_MS : FULL_MS) + (domain.isLarge ? LARGE_MS : 0);
  const copy: SimulatedCopy = { id, uuid, to: destination.name, into, toBootId: target?.bootId ?? '', startedAtMs: now, asOfMs: Math.max(world.clock.nowMs(), (there?.replica?.asOfMs ?? -1) + 1), endsAtMs: now + tookMs, dataAtMs: dataAtMs(world, domain), data: domain.data, stood: domain.running ? null : { lastStart: domain.lastStart }, ended: null };
  if (!target) return { ...copy, ended: { exitCode: 1, output: `Error: The remote "${destination.name}" doesn't exist` } };
  const isUnderWay = [...host.copies.values()].some((other) => other.uuid === uuid && other.to === target.name && other.ended === null);
  // As rsync does it: of the same size and second, for all that is known here, is the same.
  const isPassedOver = over?.isPrepared !== true && over?.dataAtMs !== undefined && Math.floor(over.dataAtMs / 1000) === Math.floor(copy.dataAtMs / 1000);
  if (over && isPassedOver) Object.assign(copy, { dataAtMs: over.dataAtMs, data: over.data });
  const refusal = whyNot(world, host, target, there) ?? (isUnderWay ? `another copy of ${domain.name} is under way at the destination` : null) ?? (there && there.name !== domain.name ? `the destination has it under another name, ${there.name}` : null);
  if (refusal !== null) return { ...copy, ended: { exitCode: 1, output: `Error: ${refusal}` } };
  // As the daemons do it: over what is there. Until that has ended well, it is not whole.
  const half = { replica: { asOfMs: null }, autostart: false, autostartWas: domain.autostartWas ?? domain.autostart };
  if (there && into === 'spare') there.spare = { ...there.spare, asOfMs: null };
  else if (there) Object.assign(there, half);
  else target.domains.set(uuid, { uuid, name: domain.name, kind: domain.kind, definition: domain.definition, running: null, reason: 'unknown', statistics: null, ...half });
  return copy;
}

/** Half-made, it is a replica without a time: as the daemon's, taken away by the next try. */
function make(world: SimulatedWorld, host: SimulatedHost, { id, uuid, definition, source }: MakeRequest): SimulatedCopy {
  const { name } = identityOf(definition);
  const now = world.clock.monotonicMs();
  const from = source.kind === 'copy' ? host.domains.get(source.uuid) : undefined;
  const copy: SimulatedCopy = { id, uuid, to: host.name, into: 'replica', toBootId: host.bootId, startedAtMs: now, asOfMs: world.clock.nowMs(), endsAtMs: now + FULL_MS + (from?.isLarge ? LARGE_MS : 0), dataAtMs: now, data: from?.data, stood: null, ended: null };
  const there = host.domains.get(uuid);
  if (there && (!there.replica || there.replica.asOfMs !== null)) return { ...copy, ended: { exitCode: 0, output: '' } };
  if ([...host.domains.values()].some((other) => other.name === name && other.uuid !== uuid)) return { ...copy, ended: { exitCode: 90, output: `reeve: there is another instance named ${name}` } };
  if (source.kind === 'image' && !SIMULATED_IMAGES.has(source.image)) return { ...copy, ended: { exitCode: 1, output: 'Error: Image alias not found' } };
  if (source.kind === 'copy' && (!from || !isWorkload(from))) throw new OperationalError('not-found', `${host.name}: Instance not found`);
  host.domains.set(uuid, { uuid, name, kind: 'container', definition, running: null, reason: 'unknown', statistics: null, replica: { asOfMs: null }, autostart: false, autostartWas: true, isLarge: from?.isLarge });
  return copy;
}

const isWorkload = ({ replica }: SimulatedDomain): boolean => !replica;
/** Every simulated host has them. */
const SIMULATED_IMAGES: ReadonlySet<string> = new Set(['noble', 'reeve-guest']);

function whyNot(world: SimulatedWorld, host: SimulatedHost, target: SimulatedHost, there: SimulatedDomain | undefined): string | null {
  if (!target.powered || target.booting || target.hung || !world.reaches(host.name, target)) return `Unable to connect to: ${target.address}:8443`;
  if (there?.replica?.isSetAside) return 'the destination has what it wrote before it was recovered elsewhere: nothing is copied over it';
  if (there?.running) return 'Failed getting exclusive access to instance: Instance is running';
  return there && !there.replica ? 'it is the workload there: nothing is copied over it' : null;
}

/** Brings a host's copies up to the present moment. */
function settleCopies(world: SimulatedWorld, host: SimulatedHost): void {
  const now = world.clock.monotonicMs();
  for (const copy of host.copies.values()) {
    if (copy.ended) continue;
    const target = world.host(copy.to);
    const there = target.bootId === copy.toBootId ? target.domains.get(copy.uuid) : undefined;
    const isConnected = target.powered && !target.hung && world.reaches(host.name, target) && there?.replica;
    if (!isConnected && now > copy.startedAtMs + HANGS_MS) copy.ended = { exitCode: 1, output: 'Error: read tcp: connection timed out' };
    if (!isConnected || now < copy.endsAtMs) continue;
    if (copy.stood && wasStarted(host.domains.get(copy.uuid), copy.stood, copy.endsAtMs)) {
      copy.ended = { exitCode: 95, output: `reeve: ${there.name} was started meanwhile: what was written since is not in the copy` };
      continue;
    }
    const written = { definition: (copy.to === host.name ? there.definition : host.domains.get(copy.uuid)?.definition) ?? there.definition, dataAtMs: copy.dataAtMs, data: copy.data, isLarge: host.domains.get(copy.uuid)?.isLarge };
    if (copy.into === 'spare') there.spare = { asOfMs: copy.asOfMs, ...written };
    else Object.assign(there, { replica: { asOfMs: copy.asOfMs }, ...written });
    copy.ended = { exitCode: 0, output: '' };
  }
}

const wasStarted = (domain: SimulatedDomain | undefined, before: Pick<SimulatedDomain, 'lastStart'>, untilMs: number): boolean => domain?.lastStart !== before.lastStart && (domain?.lastStart?.monotonicMs ?? Infinity) <= untilMs;

/** What was written up to when is there. */
export function dataAtMs(world: SimulatedWorld, { running, dataAtMs: at = 0 }: SimulatedDomain): number {
  return running ? world.clock.monotonicMs() : at;
}
