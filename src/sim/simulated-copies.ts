// Copies of workloads whose data lie at their host, in the simulated world: as LXD's daemons make them, hanging included.
import { OperationalError } from '../shared/errors.js';
import type { CommandToken, CopyRequest, InstanceCopies, MigrationCommandState, Replica } from '../hosts/hypervisor.js';
import type { SimulatedDomain, SimulatedHost, SimulatedWorld } from './simulated-world.js';

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
  readonly toBootId: string;
  readonly startedAtMs: number;
  /** By the wall clock. */
  readonly asOfMs: number;
  readonly endsAtMs: number;
  /** What is written up to here is in it. */
  readonly dataAtMs: number;
  readonly data: string | undefined;
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
    replicas: (): Promise<readonly Replica[]> => look('replicas', (host) => [...host.domains.values()].flatMap(({ uuid, name: its, replica }) => (replica ? [{ uuid, name: its, asOfMs: replica.asOfMs }] : []))),
    prepare: (token, uuid) => change(token, 'prepare', (host) => {
      const domain = host.domains.get(uuid);
      if (domain?.replica) domain.replica = { ...domain.replica, isPrepared: true };
    }),
    setAside: (token, uuid) => change(token, 'setAside', (host) => {
      const domain = host.domains.get(uuid);
      if (domain?.running) throw new OperationalError('failed', `${domain.name} is not stopped on ${name}: it stays the workload`);
      if (domain && !domain.replica) Object.assign(domain, { replica: { asOfMs: null, isSetAside: true }, autostart: false });
    }),
    deleteReplica: (token, uuid) => change(token, 'deleteReplica', (host) => {
      const domain = host.domains.get(uuid);
      if (!domain) return;
      if (!domain.replica || domain.running) throw new OperationalError('failed', `${domain.name} on ${name} is no replica: its data stay`);
      host.domains.delete(uuid);
    }),
  };
}

function begin(world: SimulatedWorld, host: SimulatedHost, { id, uuid, destination }: CopyRequest): SimulatedCopy {
  const now = world.clock.monotonicMs();
  const domain = host.domains.get(uuid);
  if (!domain || domain.replica) throw new OperationalError('not-found', `${host.name}: Instance not found`);
  const target = [...world.hosts].find((one) => one.name === destination.name);
  const there = target?.domains.get(uuid);
  const tookMs = (there?.replica ? REFRESH_MS : FULL_MS) + (domain.isLarge ? LARGE_MS : 0);
  const copy: SimulatedCopy = { id, uuid, to: destination.name, toBootId: target?.bootId ?? '', startedAtMs: now, asOfMs: world.clock.nowMs(), endsAtMs: now + tookMs, dataAtMs: dataAtMs(world, domain), data: domain.data, ended: null };
  if (!target) return { ...copy, ended: { exitCode: 1, output: `Error: The remote "${destination.name}" doesn't exist` } };
  const isUnderWay = [...host.copies.values()].some((other) => other.uuid === uuid && other.to === target.name && other.ended === null);
  // As rsync does it: of the same size and second, for all that is known here, is the same.
  const isPassedOver = there?.replica?.isPrepared !== true && there?.dataAtMs !== undefined && Math.floor(there.dataAtMs / 1000) === Math.floor(copy.dataAtMs / 1000);
  if (there && isPassedOver) Object.assign(copy, { dataAtMs: there.dataAtMs, data: there.data });
  const refusal = whyNot(world, host, target, there) ?? (isUnderWay ? `another copy of ${domain.name} is under way at the destination` : null) ?? (there && there.name !== domain.name ? `the destination has it under another name, ${there.name}` : null);
  if (refusal !== null) return { ...copy, ended: { exitCode: 1, output: `Error: ${refusal}` } };
  // As the daemons do it: over what is there. Until that has ended well, there is no whole copy.
  const half = { replica: { asOfMs: null }, autostart: false };
  if (there) Object.assign(there, half);
  else target.domains.set(uuid, { uuid, name: domain.name, kind: domain.kind, definition: domain.definition, running: null, reason: 'unknown', statistics: null, ...half });
  return copy;
}

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
    Object.assign(there, { replica: { asOfMs: copy.asOfMs }, definition: host.domains.get(copy.uuid)?.definition ?? there.definition, dataAtMs: copy.dataAtMs, data: copy.data, isLarge: host.domains.get(copy.uuid)?.isLarge });
    copy.ended = { exitCode: 0, output: '' };
  }
}

/** What was written up to when is there. */
export function dataAtMs(world: SimulatedWorld, { running, dataAtMs: at = 0 }: SimulatedDomain): number {
  return running ? world.clock.monotonicMs() : at;
}
