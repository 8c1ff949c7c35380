// What the golden scenarios have to show: every entry of a timeline, every hold, every type of event, every state at the end; and what no scenario can show, with the reason.
import type { HoldCode } from '../../src/cluster/decision.js';
import type { Do } from '../../src/sim/scenario/scenario.js';

/** Exhaustive by type: a new one does not compile before it is listed. */
const DO_SET: { readonly [D in Do]: true } = {
  'host.power-on': true, 'host.power-cut': true, 'host.isolate': true, 'host.reconnect': true, 'host.deaf': true, 'host.hearing': true,
  'host.shutdown': true, 'host.reboot': true, 'host.storage-lost': true, 'host.storage-back': true, 'host.uplink-lost': true, 'host.uplink-back': true,
  'host.degrade': true, 'host.recover-health': true, 'host.fence-lies': true, 'host.drain': true, 'host.undrain': true, 'host.cordon': true,
  'host.uncordon': true, 'host.fence': true, 'host.confirm-off': true, 'agent.crash': true, 'agent.start': true, 'agent.restart': true,
  'host.link-down': true, 'host.link-up': true, 'host.cut-from': true, 'host.heal-from': true, 'host.lossy': true, 'host.slow': true,
  'host.hang': true, 'host.daemon-hangs': true, 'host.fence-breaks': true, 'host.fence-repaired': true, 'controller.crash': true, 'controller.start': true,
  'controller.pause': true, 'database.down': true, 'database.up': true, 'queue.down': true, 'queue.up': true, 'queue.flush': true,
  'cluster.disarm': true, 'cluster.arm': true, 'workload.set-desired': true, 'workload.migrate': true, 'workload.stop': true, 'workload.crash': true,
  'workload.pause-io': true, 'workload.lock': true, 'workload.unlock': true, 'workload.manage': true, 'workload.unmanage': true, 'workload.recover-from-replica': true,
  'workload.stopped-by-hand': true, 'workload.moved-by-hand': true, 'workload.resize': true, 'workload.set-usage': true, 'workload.create': true, 'workload.delete': true,
  'host.label': true, 'workload.label': true, 'rule.add': true, 'rule.remove': true, 'host.return': true, 'cluster.balance': true,
};
const HOLD_SET: { readonly [H in HoldCode]: true } = {
  'no-quorum': true, 'too-many-silent-hosts': true, 'start-up-grace': true, 'own-stall': true, 'disarmed': true, 'no-fence-device': true,
  'fence-failing': true, 'fence-under-way': true, 'agent-only': true, 'leaving': true, 'frozen': true, 'quarantined': true, 'unhealthy': true, 'maintenance': true,
  'not-admitted': true, 'looking-around': true, 'no-lease': true, 'not-under-lease': true, 'no-capacity': true, 'no-legal-host': true,
  'rule-broken': true, 'operation-active': true, 'too-many-in-flight': true, 'cooldown': true, 'start-after': true, 'predecessor-in-error': true,
  'locked': true, 'cannot-move': true, 'stopped-by-hand': true, 'paused': true, 'missing': true, 'undefined-by-hand': true, 'in-error': true,
  'duplicate': true, 'autostart-on': true, 'no-replica': true, 'replica-late': true, 'pool-not-taken': true, 'plan-outdated': true, 'making-room': true, 'balance-advised': true,
};

export const DOS = Object.keys(DO_SET) as readonly Do[];
export const HOLDS = Object.keys(HOLD_SET) as readonly HoldCode[];

/** The named fields of each type; more may come along. */
export const EVENT_FIELDS: { readonly [type: string]: readonly string[] } = {
  'command': ['do'],
  'command.refused': ['do', 'why'],
  'host.silent': ['host', 'why'],
  'host.suspect': ['host', 'why'],
  'host.online': ['host', 'why'],
  'host.fencing': ['host', 'device', 'why'],
  'host.fence-failed': ['host', 'device', 'why'],
  'host.fenced': ['host', 'proof'],
  'host.reset': ['host', 'by'],
  'host.off': ['host'],
  'host.booted': ['host'],
  'host.drained': ['host', 'why'],
  'host.drain-blocked': ['host', 'workload', 'why'],
  'guest.started': ['workload', 'host'],
  'guest.arrived': ['workload', 'host', 'from', 'downtimeMs'],
  'guest.stopped': ['workload', 'host'],
  'guest.died': ['workload', 'host'],
  'guest.start-failed': ['workload', 'host', 'why'],
  'guest.migrate-failed': ['workload', 'host', 'why'],
  'workload.recovered': ['workload', 'from', 'to'],
  'workload.moved': ['workload', 'from', 'to', 'how', 'why'],
  'workload.error': ['workload', 'why'],
  'workload.waiting': ['workload', 'why'],
  'cluster.room-lost': ['why'],
  'cluster.room-back': ['why'],
  'cluster.room-overridden': ['workload', 'host', 'why'],
  'hold': ['what', 'why'],
  'leader': ['replica', 'epoch'],
};

/** What a host and a workload can be at the end of a scenario. */
export const FINAL_STATES = {
  hosts: ['online', 'suspect', 'silent', 'fencing', 'fenced', 'draining', 'maintenance', 'offline'],
  workloads: ['running', 'stopped', 'starting', 'stopping', 'migrating', 'waiting', 'awaiting-fence', 'frozen', 'error', 'unmanaged'],
} as const;

/** What a scenario can't bring about, and why. */
export const NOT_SHOWN: { readonly [name: string]: string } = {
  'fence-under-way': 'a fence is committed together with the condition fencing, and ends together with the next condition: a silent host with a fence is seen in decisions alone',
  missing: 'no entry undefines a guest by hand',
  'undefined-by-hand': 'no entry undefines a running guest by hand',
  'autostart-on': 'no entry switches the autostart of a guest on',
};
