// Daemons for containers that form a cluster of their own kind: what that means between two hosts.
import type { ContainerDaemon, HostFacts } from './host-facts.js';
import { HYPERVISOR_NAMES } from './hypervisor.js';

type Facts = Pick<HostFacts, 'containerDaemons'> | null;
type Driver = ContainerDaemon['driver'];

/** `alone`: what goes from one to the other is copied. `members`: their cluster moves it. `apart`: nothing goes, a copy would land on whichever member that cluster chooses. */
export type DaemonTie = 'alone' | 'members' | 'apart';

export function tieBetween(one: Pick<ContainerDaemon, 'isClustered' | 'cluster'> | undefined, other: Pick<ContainerDaemon, 'isClustered' | 'cluster'> | undefined): DaemonTie {
  if (!one?.isClustered && !other?.isClustered) return 'alone';
  const id = one?.cluster?.id ?? '';
  return id !== '' && id === other?.cluster?.id ? 'members' : 'apart';
}

export const daemonOf = (facts: Facts, driver: string): ContainerDaemon | undefined => facts?.containerDaemons.find((one) => one.driver === driver);
export const isMember = (facts: Facts, driver: string): boolean => daemonOf(facts, driver)?.isClustered === true;

/** How that sentence ends. */
export const APART = 'nothing is copied between them';
export const whyApart = (driver: Driver, one: string, other: string): string => `${HYPERVISOR_NAMES[driver]} of ${one} and that of ${other} are not in one cluster, and one of them is in a cluster: ${APART}`;

/** Its cluster knows each name once, so no copy of an instance can stand on another member. */
export const whyNoReplicas = (driver: Driver, host: string): string => `${HYPERVISOR_NAMES[driver]} on ${host} is in a cluster of its own kind, which has each instance once, so no replica is kept there; daemons that stand alone keep replicas`;
