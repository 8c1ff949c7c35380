// What the API may command, wired to the domain's commands, the store and the hosts.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Adoption, Begun, ClusterCommands, Move, NewHost, NewWorkload } from '../api/ports.js';
import type { Admission } from '../cluster/admission.js';
import type { Change } from '../cluster/change.js';
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import type { ClusterView, DisarmMode } from '../cluster/cluster-view.js';
import { event } from '../cluster/cluster-event.js';
import { findHost, findWorkload } from '../cluster/commands/find.js';
import { healingNews } from '../cluster/healing.js';
import { certificateNews } from '../cluster/trust.js';
import { renewTrustOf } from '../cluster/commands/trust-commands.js';
import { confirmOff, cordonHost, drainHost, fenceHost, releaseHost, removeHost, uncordonHost, undrainHost } from '../cluster/commands/host-commands.js';
import { recoverFromReplica } from '../cluster/commands/recover-from-replica.js';
import type { PlanRequest } from '../cluster/commands/plan-commands.js';
import { lockWorkload, manageWorkload, setDesired, setPolicies, unlockWorkload, unmanageWorkload, type WorkloadPolicies } from '../cluster/commands/owner-commands.js';
import { assertRulesTake, labelHost, labelWorkload, zoneHost } from '../cluster/commands/label-commands.js';
import { addRule, removeRule, type WantedRule } from '../cluster/commands/rule-commands.js';
import { clearError, deleteWorkload, moveWorkload, protectWorkload, startWorkload, stopWorkload } from '../cluster/commands/workload-commands.js';
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import { createFenceDevice } from '../fencing/devices/create-fence-device.js';
import { driversOf } from '../hosts/drivers-of.js';
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import { NEVER_LOST, type FenceDeviceConfig, type Host } from '../hosts/host.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import { scanHostKey } from '../hosts/drivers/ssh/scan-host-key.js';
import type { PlacementView } from '../scheduler/placement.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError, PassingConflict, UserError } from '../shared/errors.js';
import { hostId, operationId, workloadId } from '../shared/ids.js';
import type { DesiredState } from '../workloads/workload.js';
import type { LabelChanges } from '../shared/labels.js';
import { adopt } from '../workloads/adopt.js';
import { listsBy } from '../workloads/by-hand.js';
import { autostartBack, autostartOff } from './care-for-autostart.js';
import { checkHost } from './check-host.js';
import { discardCopy } from './copies.js';
import type { Discarding } from '../cluster/commands/copy-commands.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import { testAlerts, type AlertTestReport } from '../cluster/control/test-alerts.js';
import { commitCommand, type Command, type CommandPorts } from '../cluster/control/commit-command.js';
import { planToBegin } from '../cluster/control/cluster-plans.js';
import type { Planner } from '../cluster/planner.js';
import type { Neighbours } from './neighbours.js';
import { newWorkload } from './new-workload.js';

export interface ClusterCommandPorts extends CommandPorts {
  /** Of the cluster. */
  readonly name: string;
  readonly neighbours: Neighbours;
  readonly alerts: AlertPorts;
  readonly planner: Planner;
  readonly world: HostWorld;
  readonly clock: Clock;
  readonly policy: ClusterPolicy;
  readonly verdict: () => ClusterVerdict;
}

/** A request waits so long for what is over in a moment. */
const PASSING_MS = 8_000;
const PASSING_LOOK_MS = 200;

export class RealClusterCommands implements ClusterCommands {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly ports: ClusterCommandPorts) {}

  scanHostKey = (address: string, port: number): Promise<{ readonly hostKey: string; readonly fingerprint: string }> => scanHostKey(address, port);

  addHost(actor: string, wanted: NewHost, options: { readonly setUpLocks: boolean }): Promise<Begun> {
    checkDevices(wanted.fenceDevices);
    const host = this.#newHost(wanted);
    return this.ports.neighbours.adding(this.ports.name, host, () => this.#addHost(actor, host, options));
  }

  #addHost(actor: string, host: Host, params: { readonly setUpLocks: boolean }): Promise<Begun> {
    return this.#commit(actor, 'host.add', host.name, (view) => {
      const same = view.hosts.find((one) => one.address === host.address);
      if (same) throw new UserError('conflict', `address: ${host.address} belongs to ${same.name} already`, `reeve host show ${same.name}`);
      labelHost({ ...view, hosts: [...view.hosts, { ...host, labels: {} }] }, host.name, host.labels, this.#asked(actor));
      return [
        { change: 'add-host', host },
        { change: 'operation', operation: { kind: 'enrol', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: actor, reason: `${actor} adds ${host.name}`, params } },
        { change: 'event', event: event('host.added', `${host.name} (${host.address}) is added by ${actor}`, { severity: 'notice', host: host.name }) },
      ];
    });
  }

  async checkHost(wanted: NewHost): Promise<readonly CheckPoint[]> {
    checkDevices(wanted.fenceDevices);
    await this.ports.neighbours.assertFree(this.ports.name, wanted);
    return checkHost(this.ports.world, this.#newHost(wanted), (await this.ports.store.readView()).hosts);
  }

  #newHost(wanted: NewHost): Host {
    const nowMs = this.ports.clock.nowMs();
    return {
      id: hostId(randomUUID()),
      ...wanted,
      condition: 'enrolling',
      conditionSinceMs: nowMs,
      intent: 'active',
      cordoned: false,
      // A host that was a member before remembers its epoch: seconds since 1970 are above any that was counted up.
      hostEpoch: Math.floor(nowMs / 1000),
      bootId: null,
      excludedEpoch: null,
      voterEpoch: 0,
      proof: null,
      facts: null,
      trouble: null,
      agentKey: randomBytes(32).toString('hex'),
      leaving: null,
      flapping: NEVER_LOST,
      takenPools: [],
      why: 'being enrolled',
    };
  }

  recheckHost(actor: string, name: string): Promise<Begun> {
    return this.#commit(actor, 'host.enrol', name, (view) => {
      const host = findHost(view, name);
      if (host.condition !== 'enrolling') throw new UserError('conflict', `${host.name} is ${host.condition} already`, `reeve host show ${host.name}`);
      // With what was asked for the first time.
      const params = view.recentOperations.find((one) => one.kind === 'enrol' && one.hostId === host.id)?.params ?? {};
      return [{ change: 'operation', operation: { kind: 'enrol', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: actor, reason: `${actor} enrols ${host.name} again`, params } }];
    });
  }

  removeHost(actor: string, name: string, lost: boolean): Promise<Begun> {
    return this.#commit(actor, 'host.remove', name, (view) => removeHost(view, name, { ...this.#asked(actor), lost }), { lost });
  }

  repin(actor: string, name: string, hostKey: string): Promise<Begun> {
    return this.#commit(actor, 'host.repin', name, (view) => {
      const host = findHost(view, name);
      return [{ change: 'host', id: host.id, set: { ssh: { ...host.ssh, hostKey } } }];
    }, { hostKey });
  }

  setFenceDevices(actor: string, name: string, devices: readonly FenceDeviceConfig[]): Promise<Begun> {
    checkDevices(devices);
    return this.#commit(actor, 'host.set-fence', name, (view) => [{ change: 'host', id: findHost(view, name).id, set: { fenceDevices: devices } }], { kinds: devices.map((device) => device.kind) });
  }

  cordon = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.cordon', name, (view) => cordonHost(view, name, this.#asked(actor)));
  uncordon = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.uncordon', name, (view) => uncordonHost(view, name, this.#asked(actor)));
  drain = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.drain', name, (view) => drainHost(view, name, this.#asked(actor)));
  undrain = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.undrain', name, (view) => undrainHost(view, name, this.#asked(actor)));
  release = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.release', name, (view) => releaseHost(view, name, this.#asked(actor)));
  fence = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'host.fence', name, (view) => fenceHost(view, name, this.#asked(actor)));

  confirmOff(actor: string, name: string, reason: string): Promise<Begun> {
    return this.#commit(actor, 'host.confirm-off', name, (view) => confirmOff(view, this.ports.verdict(), name, { ...this.#asked(actor), reason }), { reason });
  }

  renewTrust(actor: string, name: string, force: boolean): Promise<Begun> {
    return this.#commit(actor, 'host.renew-trust', name, (view) => renewTrustOf(view, name, { ...this.#asked(actor), force }), { force });
  }

  /** Not an operation: it begins nothing that would have to be undone, and the host's return is seen by its heartbeats. */
  async powerOn(actor: string, name: string): Promise<Begun> {
    const host = findHost(await this.ports.store.readView(), name);
    if (host.condition === 'online') throw new UserError('conflict', `${host.name} is online`);
    if (host.condition === 'silent' || host.condition === 'fencing') throw new UserError('refused', `${host.name} is ${host.condition}, not proven off`, `reeve host fence ${host.name}`);
    const devices = this.ports.world.fenceDevicesOf(host).filter((device) => device.automatic);
    if (devices.length === 0) throw new UserError('refused', `${host.name} has no device that could power it on`);
    const failures: string[] = [];
    for (const device of devices) {
      try {
        await device.on();
        await this.ports.audit.append({ actor, action: 'host.power-on', target: host.name, details: { device: device.describe } });
        return { operationIds: [] };
      } catch (error) {
        failures.push(`${device.describe}: ${messageOf(error)}`);
      }
    }
    throw new OperationalError('failed', `${host.name} was not powered on: ${failures.join('; ')}`);
  }

  async refreshFacts(actor: string, name: string): Promise<Begun> {
    const host = findHost(await this.ports.store.readView(), name);
    const facts = await this.ports.world.hypervisorOf(host).facts();
    return this.#commit(actor, 'host.refresh', name, () => [{ change: 'host', id: host.id, set: { facts } }, ...healingNews(host, facts), ...certificateNews(host, facts)]);
  }

  async adopt(actor: string, wanted: Adoption): Promise<Begun> {
    const view = await this.ports.store.readView();
    const host = findHost(view, wanted.host);
    if (host.condition !== 'online') throw new UserError('conflict', `${host.name} is ${host.condition}`, 'reeve status');
    const hypervisor = this.ports.world.hypervisorOf(host);
    const atMs = this.ports.clock.nowMs();
    const { workloads, mute: [mute] } = await hypervisor.inventory();
    const [observed, namesake] = workloads.filter((one) => one.name === wanted.name || one.uuid === wanted.name);
    if (observed && namesake) throw new UserError('conflict', `${host.name} has more than one ${wanted.name}: ${[observed, namesake].map((one) => `${one.uuid} in ${HYPERVISOR_NAMES[one.driver]}`).join(', ')}`, `reeve workload adopt ${host.name} UUID`);
    if (!observed && mute) throw new UserError('conflict', `${HYPERVISOR_NAMES[mute.driver]} on ${host.name} does not answer (${mute.why}), and no other hypervisor there has ${wanted.name}`, `reeve host show ${host.name}`);
    if (!observed) throw new UserError('not-found', `${host.name} has no VM or container named ${wanted.name}`, `ssh ${host.address} '${listsBy(driversOf(host.facts))}'`);
    const definition = await hypervisor.definition(observed.uuid);
    const needs = this.ports.world.needsOf(host, definition);
    const { isProtected, priority, drainPolicy, labels } = wanted;
    const id = workloadId(randomUUID());
    // What was looked at before it was there, or ran, would say from now on that it is missing, or has ended.
    if (!mute && host.bootId !== null) await this.ports.store.saveInventory({ hostId: host.id, atMs, bootId: host.bootId, workloads });
    const begun = await this.#commit(actor, 'workload.adopt', observed.name, (now) => {
      const alsoRunsOn = now.inventories.filter((one) => one.hostId !== host.id && one.workloads.some((other) => other.uuid === observed.uuid && other.runState !== 'stopped')).map((one) => now.hosts.find((other) => other.id === one.hostId)?.name ?? one.hostId);
      const adopted = adopt({ id, hostId: host.id, host: host.name, observed, definition, needs, settings: { labels, isProtected, priority, drainPolicy: drainPolicy ?? (needs.instance === null ? 'migrate' : 'relocate'), maxRestarts: 1, maxRelocations: 1 }, known: now.workloads, alsoRunsOn });
      if (!adopted.ok) throw new UserError(adopted.error.code === 'known' || adopted.error.code === 'name-taken' ? 'conflict' : 'refused', adopted.error.why);
      assertRulesTake(now, adopted.value);
      return [
        { change: 'add-workload', workload: adopted.value },
        { change: 'event', event: event('workload.adopted', `${observed.name} on ${host.name} is adopted by ${actor}${isProtected ? ', protected' : ''}`, { severity: 'notice', host: host.name, workload: observed.name }) },
      ];
    });
    if (isProtected) await autostartOff(this.ports, observed.uuid);
    return begun;
  }

  create(actor: string, wanted: NewWorkload): Promise<Begun> {
    const uuid = randomUUID();
    const id = workloadId(randomUUID());
    return this.#commit(actor, 'workload.create', String(wanted.spec['name'] ?? ''), (view) => newWorkload(view, this.#placement(view), { ...wanted, ...this.#admitting(view, wanted.override), actor, uuid, id, define: (host, one) => this.ports.world.makerOf(host).instance(one) }), { host: wanted.host, ...noted(wanted.override) });
  }

  start = (actor: string, name: string, override = false): Promise<Begun> => this.#commit(actor, 'workload.start', name, (view) => startWorkload(view, this.#placement(view), name, { ...this.#asked(actor), ...this.#admitting(view, override) }), noted(override));
  stop = (actor: string, name: string, how: { readonly force: boolean; readonly timeoutS: number }): Promise<Begun> => this.#commit(actor, 'workload.stop', name, (view) => stopWorkload(view, name, { ...this.#asked(actor), ...how }), how);

  delete(actor: string, name: string, how: { readonly deleteDisks: boolean; readonly forget: boolean }): Promise<Begun> {
    const change = (): Promise<Begun> => this.#commit(actor, 'workload.delete', name, (view) => deleteWorkload(view, name, { ...this.#asked(actor), ...how }), how);
    return how.forget ? this.#left(actor, name, change) : change();
  }

  async protect(actor: string, name: string, isProtected: boolean): Promise<Begun> {
    const change = (): Promise<Begun> => this.#commit(actor, isProtected ? 'workload.protect' : 'workload.unprotect', name, (view) => protectWorkload(view, name, isProtected, this.#asked(actor)));
    if (!isProtected) return this.#left(actor, name, change);
    const begun = await change();
    await autostartOff(this.ports, name);
    return begun;
  }

  /** What was not ours, and is protected, is no longer its host's to start. */
  async #taken(name: string, change: () => Promise<Begun>): Promise<Begun> {
    const before = findWorkload(await this.ports.store.readView(), name);
    const begun = await change();
    if (before.desired === 'unmanaged' && before.isProtected) await autostartOff(this.ports, name);
    return begun;
  }

  /** What is left to its owner starts with its host again, if it did before. `change`: what leaves it. */
  async #left(actor: string, name: string, change: () => Promise<Begun>): Promise<Begun> {
    const before = await this.ports.store.readView();
    const begun = await change();
    await autostartBack(this.ports, actor, before, findWorkload(before, name));
    return begun;
  }

  labelHost = (actor: string, name: string, labels: LabelChanges): Promise<Begun> => this.#commit(actor, 'host.label', name, (view) => labelHost(view, name, labels, this.#asked(actor)), { labels });
  setZone = (actor: string, name: string, zone: string | null): Promise<Begun> => this.#commit(actor, 'host.set-zone', name, (view) => zoneHost(view, name, zone, this.#asked(actor)), { zone });
  labelWorkload = (actor: string, name: string, labels: LabelChanges): Promise<Begun> => this.#commit(actor, 'workload.label', name, (view) => labelWorkload(view, name, labels, this.#asked(actor)), { labels });

  setPriority(actor: string, name: string, priority: number): Promise<Begun> {
    return this.#commit(actor, 'workload.set-priority', name, (view) => [{ change: 'workload', id: findWorkload(view, name).id, set: { priority } }], { priority });
  }

  async setDesired(actor: string, name: string, desired: DesiredState, override = false): Promise<Begun> {
    const change = (): Promise<Begun> => this.#commit(actor, 'workload.set-desired', name, (view) => setDesired(view, name, desired, { ...this.#asked(actor), ...this.#admitting(view, override) }), { desired, ...noted(override) });
    return desired === 'unmanaged' ? this.#left(actor, name, change) : this.#taken(name, change);
  }

  manage(actor: string, name: string, how: { readonly host: string | null; readonly desired: Exclude<DesiredState, 'unmanaged'> | null }): Promise<Begun> {
    return this.#taken(name, () => this.#commit(actor, 'workload.manage', name, (view) => manageWorkload(view, name, { ...this.#asked(actor), ...how }), how));
  }

  unmanage(actor: string, name: string): Promise<Begun> {
    return this.#left(actor, name, () => this.#commit(actor, 'workload.unmanage', name, (view) => unmanageWorkload(view, name, this.#asked(actor))));
  }

  lock = (actor: string, name: string, reason: string): Promise<Begun> => this.#commit(actor, 'workload.lock', name, (view) => lockWorkload(view, name, { ...this.#asked(actor), reason }), { reason });
  unlock = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'workload.unlock', name, (view) => unlockWorkload(view, name, this.#asked(actor)));
  setPolicies = (actor: string, name: string, policies: WorkloadPolicies): Promise<Begun> => this.#commit(actor, 'workload.set-policies', name, (view) => setPolicies(view, name, policies, this.#asked(actor)), { ...policies });

  clearError = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'workload.clear', name, (view) => clearError(view, name, this.#asked(actor)));

  recoverFromReplica = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'workload.recover-from-replica', name, (view) => recoverFromReplica(view, name, this.#asked(actor)));

  async discardCopy(actor: string, name: string, wanted: Discarding): Promise<Begun> {
    const { world, store } = this.ports;
    const commit = (changes: (view: ClusterView) => readonly Change[]): Promise<Begun> => this.#commit(actor, 'workload.discard-copy', name, changes, { ...wanted });
    await discardCopy({ world, view: () => store.readView(), commit }, actor, name, wanted);
    return { operationIds: [] };
  }

  migrate(actor: string, name: string, { to, bandwidthMiBps, maxDowntimeMs, copyStorage, override }: Move): Promise<Begun> {
    const params = { ...(bandwidthMiBps === null ? {} : { bandwidthMiBps }), ...(maxDowntimeMs === null ? {} : { maxDowntimeMs }), copyStorage };
    return this.#commit(actor, 'workload.migrate', name, (view) => moveWorkload(view, this.#placement(view), name, { ...this.#asked(actor), ...this.#admitting(view, override), to, kind: 'migrate', params }), { to, ...params, ...noted(override) });
  }

  relocate(actor: string, name: string, to: string | null, { force, timeoutS, override }: { readonly force: boolean; readonly timeoutS: number; readonly override?: boolean }): Promise<Begun> {
    const params = { force, timeoutMs: timeoutS * 1000 };
    return this.#commit(actor, 'workload.relocate', name, (view) => moveWorkload(view, this.#placement(view), name, { ...this.#asked(actor), ...this.#admitting(view, override), to, kind: 'relocate', params }), { to, ...params, ...noted(override) });
  }

  async beginPlan(actor: string, request: PlanRequest): Promise<Begun> {
    const changes = await planToBegin(this.ports, request);
    return this.#commit(actor, `plan.${request.kind}`, request.hosts.join(' '), (view) => changes(view, this.#asked(actor)));
  }

  async cancelOperation(actor: string, id: string): Promise<Begun> {
    const operation = await this.ports.store.operation(operationId(id));
    if (!operation) throw new UserError('not-found', `there is no operation ${id}`, 'reeve operation list');
    if (operation.state !== 'pending' && operation.state !== 'running') throw new UserError('conflict', `it has ended already: ${operation.state}`);
    // A drain that is called off is an undrain: the host takes work again.
    const undrain = operation.kind === 'drain' && operation.hostId !== null ? operation.hostId : null;
    return this.#commit(actor, 'operation.cancel', id, (view) => (undrain ? undrainHost(view, undrain, this.#asked(actor)) : [{ change: 'cancel-operation', id: operation.id }]));
  }

  addRule = (actor: string, rule: WantedRule): Promise<Begun> => this.#commit(actor, 'rule.add', rule.name, (view) => addRule(view, rule, this.#asked(actor)), { ...rule });
  removeRule = (actor: string, name: string): Promise<Begun> => this.#commit(actor, 'rule.remove', name, (view) => removeRule(view, name, this.#asked(actor)));

  /** Not an operation: the answers are waited for, each target's no longer than it is configured. */
  async testAlerts(actor: string, name: string | null): Promise<readonly AlertTestReport[]> {
    const { alerts, audit, clock } = this.ports;
    const targets = name === null ? alerts.targets : alerts.targets.filter(({ target }) => target === name);
    if (name !== null && targets.length === 0) throw new UserError('not-found', `there is no alert target ${name}${alerts.targets.length === 0 ? '; none is configured' : `; there are ${alerts.targets.map(({ target }) => target).join(', ')}`}`, 'reeve alert list');
    await audit.append({ actor, action: 'alert.test', target: name ?? '', details: {} });
    return testAlerts(alerts, targets, clock, { by: actor, nonce: randomBytes(8).toString('hex') });
  }

  disarm(actor: string, { mode, reason, forS }: { readonly mode: DisarmMode; readonly reason: string; readonly forS: number | null }): Promise<Begun> {
    const sinceMs = this.ports.clock.nowMs();
    const untilMs = forS === null ? null : sinceMs + forS * 1000;
    return this.#commit(actor, 'cluster.disarm', '', () => [
      { change: 'disarm', disarm: { mode, by: actor, reason, sinceMs, untilMs } },
      { change: 'event', event: event('cluster.disarmed', `disarmed (${mode}) by ${actor}: ${reason}`, { severity: 'warning', data: { mode, untilMs } }) },
    ], { mode, reason, forS });
  }

  arm(actor: string): Promise<Begun> {
    return this.#commit(actor, 'cluster.arm', '', (view) => (view.disarm === null ? [] : [{ change: 'disarm', disarm: null }, { change: 'event', event: event('cluster.armed', `armed by ${actor}`, { severity: 'notice' }) }]));
  }

  #asked = (by: string): { by: string; nowMs: number } => ({ by, nowMs: this.ports.clock.nowMs() });
  #admitting = (view: ClusterView, override = false): { readonly admission: Admission } => ({ admission: { mode: this.ports.policy.admission, override, placement: () => this.#placement(view) } });
  #placement = (view: ClusterView): PlacementView => placementViewOf({ view, verdict: this.ports.verdict(), policy: this.ports.policy });

  async #commit(actor: string, action: string, target: string, changes: (view: ClusterView) => readonly Change[], details: Command['details'] = {}): Promise<Begun> {
    const { clock } = this.ports;
    const untilMs = clock.monotonicMs() + PASSING_MS;
    for (;;) {
      try {
        return await this.#commitOnce({ actor, action, target, details, changes });
      } catch (error) {
        if (!(error instanceof PassingConflict) || clock.monotonicMs() >= untilMs) throw error;
        await clock.sleep(PASSING_LOOK_MS);
      }
    }
  }

  /** One after the other: requests that come together would only wait for each other, each with a connection to the database. */
  #commitOnce(command: Command): Promise<Begun> {
    const mine = this.#last.then(() => commitCommand(this.ports, command));
    this.#last = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }
}

/** For the audit log. */
const noted = (override = false): Command['details'] => (override ? { override } : {});

function checkDevices(devices: readonly FenceDeviceConfig[]): void {
  for (const [index, config] of devices.entries()) {
    const device = createFenceDevice(config);
    if (!device.ok) throw new UserError('invalid', `fenceDevices.${index}: ${device.error}`);
  }
}
