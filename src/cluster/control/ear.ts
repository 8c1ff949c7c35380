// The ear of a replica: the witness that hears the hosts' heartbeats and judges them. Real: src/agent/witness.ts.
import type { AgentMember } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import type { ExclusionAsked, ExclusionState } from '../exclusion.js';
import type { ProbeResult } from '../membership.js';
import type { VoterSet } from '../quorum-lease.js';
import type { ClusterVerdict } from '../verdict.js';

export interface Ear {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The hosts to judge and the other witnesses. Hosts that are set aside are judged and have no vote. */
  setMembers(hosts: readonly Host[], otherWitnesses: readonly AgentMember[], setAside: ReadonlySet<HostId>): void;
  verdict(): ClusterVerdict;
  onVerdictChange(listener: (verdict: ClusterVerdict) => void): () => void;
  feedProbe(id: HostId, result: ProbeResult): void;
  /** Has the voters asked to acknowledge a host's epoch no more; `sets`: every set of voters by which the host may judge its lease. */
  exclude(asked: ExclusionAsked, sets: readonly VoterSet[]): ExclusionState;
  withdrawExclusion(id: HostId): void;
}
