// Moves within a cluster of daemons, in the simulated world: as LXD makes them, one instance in the whole cluster, that is never in two places.
import { OperationalError } from '../shared/errors.js';
import type { MemberMoveRequest, MemberMoves, MigrationCommandState } from '../hosts/hypervisor.js';
import { dataAtMs, type CopiesParts } from './simulated-copies.js';
import type { SimulatedHost, SimulatedWorld } from './simulated-world.js';

export interface SimulatedMemberMove {
  readonly id: string;
  readonly uuid: string;
  readonly to: string;
  readonly toBootId: string;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  ended: { readonly exitCode: number; readonly output: string } | null;
}

const MOVE_MS = 3_000;
const LARGE_MS = 8_000;
/** So long the daemons wait for a peer that has vanished. */
const HANGS_MS = 124_000;

export function simulatedMembers({ world, look, change }: CopiesParts): MemberMoves {
  return {
    startMove: (token, request) => change(token, 'startMove', (host) => {
      settleMoves(world);
      if (!host.memberMoves.has(request.id)) host.memberMoves.set(request.id, begin(world, host, request));
    }),
    moveCommand: (id): Promise<MigrationCommandState> => look('moveCommand', (host) => {
      settleMoves(world);
      const move = host.memberMoves.get(id);
      if (!move) return { kind: 'none' };
      return move.ended ? { kind: 'ended', ...move.ended } : { kind: 'running' };
    }),
    abortMove: (token, id) => change(token, 'abortMove', (host) => {
      settleMoves(world);
      const move = host.memberMoves.get(id);
      if (move) move.ended ??= { exitCode: 130, output: 'it was ended' };
    }),
    isMoving: (uuid) => look('isMoving', () => (settleMoves(world), [...world.hosts].some(({ memberMoves }) => [...memberMoves.values()].some((move) => move.uuid === uuid && move.ended === null)))),
  };
}

function begin(world: SimulatedWorld, host: SimulatedHost, { id, uuid, toMember }: MemberMoveRequest): SimulatedMemberMove {
  const domain = host.domains.get(uuid);
  if (!domain) throw new OperationalError('not-found', `${host.name}: Instance not found`);
  const target = [...world.hosts].find((one) => one.name === toMember && one.daemonCluster !== null && one.daemonCluster === host.daemonCluster);
  const now = world.clock.monotonicMs();
  const move: SimulatedMemberMove = { id, uuid, to: toMember, toBootId: target?.bootId ?? '', startedAtMs: now, endsAtMs: now + MOVE_MS + (domain.isLarge ? LARGE_MS : 0), ended: null };
  if (domain.running) return { ...move, ended: { exitCode: 92, output: `reeve: ${domain.name} is not stopped: it stays where it is` } };
  if (!target || !isConnected(world, host, target, target.bootId)) return { ...move, ended: { exitCode: 1, output: 'Error: Target node is offline' } };
  return move;
}

const isConnected = (world: SimulatedWorld, host: SimulatedHost, target: SimulatedHost, bootId: string): boolean => target.powered && !target.booting && !target.hung && target.bootId === bootId && world.reaches(host.name, target);

function settleMoves(world: SimulatedWorld): void {
  for (const host of world.hosts) for (const move of host.memberMoves.values()) if (move.ended === null) settleMove(world, host, move);
}

/** Brings it up to the present moment. Its old member has it until the new one has all of it. */
function settleMove(world: SimulatedWorld, host: SimulatedHost, move: SimulatedMemberMove): void {
  const now = world.clock.monotonicMs();
  const target = world.host(move.to);
  const domain = host.domains.get(move.uuid);
  if (!isConnected(world, host, target, move.toBootId)) {
    if (now > move.startedAtMs + HANGS_MS) move.ended = { exitCode: 1, output: 'Error: read tcp: connection timed out' };
    return;
  }
  if (now < move.endsAtMs) return;
  if (!domain || domain.running) {
    move.ended = { exitCode: 1, output: 'Error: Instance is running' };
    return;
  }
  host.domains.delete(move.uuid);
  target.domains.set(move.uuid, { ...domain, dataAtMs: dataAtMs(world, domain) });
  move.ended = { exitCode: 0, output: '' };
}
