// The narrator: from what happens in the world and in the store to the events of a scenario's result, each told once.
import type { ClusterEvent } from '../cluster/cluster-event.js';
import { hostState } from '../cluster/host-state.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { VirtualTime } from './engine/virtual-time.js';
import type { MemoryClusterStore } from './memory-cluster-store.js';
import type { SimEvent } from './scenario/result.js';

export type Fields = Readonly<Record<string, unknown>>;

export interface NarratorParts {
  readonly time: VirtualTime;
  readonly store: MemoryClusterStore;
  /** What the leader hears; null: nobody leads. */
  readonly leaderVerdict: () => ClusterVerdict | null;
  readonly deviceOf: (host: string) => string;
}

/** Said by the world, by the command itself or by other events already, or of interest to the store alone. */
export const UNTOLD: ReadonlySet<string> = new Set([
  'workload.running', 'workload.started', 'workload.stopped', 'workload.stopping', 'workload.migrating', 'workload.relocating', 'workload.recovering', 'workload.start-failed', 'workload.move-failed', 'workload.deleted', 'hold.released',
  'host.draining', 'host.cordoned', 'host.uncordoned', 'host.undrained', 'host.returned', 'cluster.disarmed', 'cluster.armed', 'cluster.voters', 'rule.added', 'rule.removed', 'host.labelled', 'host.zoned', 'workload.labelled',
  'workload.desired', 'workload.managed', 'workload.unmanaged', 'workload.locked', 'workload.unlocked', 'workload.policies', 'workload.protected', 'workload.unprotected', 'workload.forgotten', 'workload.cleared',
]);

/** What a sentence begins with that its event says by its type and its host or workload already. */
const HEADS: readonly RegExp[] = [/^# is silent: /, /^fencing #: /, /^#: fencing failed: /, /^# is proven off \([a-z-]+\): /, /^#: /, /^# is online \((?=boot)/, /^# is (?=\S)/, /^# (?=\S)/];

function withoutHead(message: string, about: string | null): string {
  if (about === null) return message;
  const name = about.replaceAll('.', String.raw`\.`);
  const heads = HEADS.map((one) => new RegExp(one.source.replace('#', name)));
  let rest = message;
  for (let head = heads.find((one) => one.test(rest)); head; head = heads.find((one) => one.test(rest))) rest = rest.replace(head, '');
  return rest.startsWith('boot ') ? rest.replace(/\)$/, '') : rest;
}

export class Narrator {
  readonly events: SimEvent[] = [];
  #told = 0;
  #version = -1;
  #verdict: ClusterVerdict | null = null;
  readonly #shown = new Map<string, string>();
  readonly #holds = new Map<string, string>();

  constructor(private readonly parts: NarratorParts) {}

  get seconds(): number {
    return Math.round(this.parts.time.nowMs) / 1000;
  }

  tell(type: string, fields: Fields): void {
    this.events.push({ t: this.seconds, type, ...fields });
  }

  /** After each step: what is new in the store, and what the leader hears. Cheap when nothing is. */
  look(): void {
    const { events, version } = this.parts.store.peek();
    for (; this.#told < events.length; this.#told += 1) this.#tellStored(events[this.#told] as ClusterEvent);
    const verdict = this.parts.leaderVerdict();
    if (verdict === this.#verdict && version === this.#version) return;
    this.#verdict = verdict;
    this.#version = version;
    if (verdict) this.#tellVerdict(verdict);
  }

  /** Suspicion and its end are the detector's: the store does not hear of them. */
  #tellVerdict(verdict: ClusterVerdict): void {
    const { hosts } = this.parts.store.peek();
    for (const heard of verdict.hosts) {
      const host = hosts.get(heard.hostId);
      if (!host) continue;
      const state = hostState(host, heard, []);
      const before = this.#shown.get(host.name);
      if (state === before) continue;
      this.#shown.set(host.name, state);
      if (state === 'suspect') this.tell('host.suspect', { host: host.name, why: heard.evidence });
      if (before === 'suspect' && heard.bootId === host.bootId && (state === 'online' || state === 'maintenance')) this.tell('host.online', { host: host.name, why: 'heard again' });
    }
  }

  #tellStored(stored: ClusterEvent): void {
    const { type, host, workload, message, data } = stored;
    const base = { ...(host === null ? {} : { host }), ...(workload === null ? {} : { workload }) };
    if (type === 'leader') return this.tell('leader', { replica: numberOf(String(data['replica'])), epoch: data['epoch'] });
    if (type === 'hold') return this.#tellHold(String(data['about'] ?? ''), String(data['code']), message);
    if (type.startsWith('operation.') || UNTOLD.has(type)) return;
    const why = withoutHead(message, workload ?? host);
    if (type === 'host.fencing' || type === 'host.fence-failed') return this.tell(type, { host, device: data['device'] ?? this.parts.deviceOf(host ?? ''), why });
    if (type === 'host.fenced') return this.tell(type, { host, proof: data['proof'], why });
    if (type === 'workload.recovered') return this.tell(type, { workload, from: data['from'], to: data['to'], proof: data['proof'] });
    if (type === 'workload.moved') return this.tell(type, { workload, from: data['from'], to: data['to'], how: data['how'], why: data['cause'] });
    this.tell(type, { ...base, why });
  }

  #tellHold(about: string, code: string, message: string): void {
    const what = about === '' ? 'cluster' : about;
    const why = message.replace(`${what}: ${code}: `, '');
    if (this.#holds.get(`${what} ${code}`) === why) return;
    this.#holds.set(`${what} ${code}`, why);
    this.tell('hold', { what, code, why });
    const workload = this.parts.store.peek().workloads.get(about);
    const home = workload?.hostId === undefined || workload.hostId === null ? undefined : this.parts.store.peek().hosts.get(workload.hostId);
    if ((code === 'cannot-move' || code === 'locked') && home?.intent === 'maintenance') this.tell('host.drain-blocked', { host: home.name, workload: about, why });
  }
}

const numberOf = (replica: string): number | string => Number(/(\d+)$/.exec(replica)?.[1] ?? Number.NaN) || replica;
