// A cluster of daemons that starts a silent member's instances elsewhere by itself: it takes silence for proof, and decides without us.
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import type { ContainerDaemon, HostFacts } from '../hosts/host-facts.js';
import type { Host } from '../hosts/host.js';
import { clientOf } from '../workloads/by-hand.js';
import type { Change } from './change.js';
import { event } from './cluster-event.js';

/** Those of a host that would. */
export function healers(facts: HostFacts | null): readonly ContainerDaemon[] {
  return (facts?.containerDaemons ?? []).filter(({ healingThresholdS = 0 }) => healingThresholdS > 0);
}

export function describeHealer({ driver, healingThresholdS = 0 }: ContainerDaemon): string {
  return `${HYPERVISOR_NAMES[driver]} is in a cluster that starts the instances of a member elsewhere once it is silent for ${healingThresholdS} s: beside Reeve they could run twice`;
}

export const healingRemedy = ({ driver }: ContainerDaemon): string => `${clientOf(driver)} config set cluster.healing_threshold 0`;

/** Whoever switched it on after the host was enrolled is told of once; and that it is off again. */
export function healingNews(host: Pick<Host, 'name' | 'facts'>, now: HostFacts): readonly Change[] {
  const before = new Set(healers(host.facts).map(({ driver }) => driver));
  const after = healers(now);
  const on = after.filter(({ driver }) => !before.has(driver)).map((one) => event('host.heals-itself', `${host.name}: ${describeHealer(one)}; there: \`${healingRemedy(one)}\``, { severity: 'alert', host: host.name, data: { driver: one.driver, thresholdS: one.healingThresholdS } }));
  const off = [...before].filter((driver) => !after.some((one) => one.driver === driver)).map((driver) => event('host.heals-no-more', `${host.name}: the cluster of ${HYPERVISOR_NAMES[driver]} leaves the instances of silent members alone again`, { severity: 'notice', host: host.name }));
  return [...on, ...off].map((one) => ({ change: 'event', event: one }));
}
