// Pools on LUNs in the simulated world: as LXD has them on btrfs, which mounts at boot what it finds by the UUID that it knows.
import { OperationalError } from '../shared/errors.js';
import type { BlockPools, PoolRequest } from '../hosts/hypervisor.js';
import type { CopiesParts } from './simulated-copies.js';
import type { SimulatedHost, SimulatedLun, SimulatedWorld } from './simulated-world.js';

export function simulatedPools({ world, host: name, look, change }: CopiesParts): BlockPools {
  const lunOf = (request: PoolRequest): SimulatedLun => {
    const lun = world.luns.get(request.pool);
    if (!lun || (lun.uuid !== request.uuid && lun.uuid !== request.newUuid)) throw new OperationalError('not-found', `no block device on ${name} has the file system ${request.uuid} of ${request.pool}`);
    return lun;
  };
  return {
    look: (request) => look('look at pool', (host) => {
      const lun = world.luns.get(request.pool);
      const seen = lun?.uuid === request.uuid ? 'old' : lun?.uuid === request.newUuid ? 'new' : 'none';
      return { name: seen, isMounted: host.mounts.has(request.pool), source: host.lunPools.get(request.pool) ?? null };
    }),
    claim: (token, request, notAfterMs) => change(token, 'claim', (host) => {
      const lun = lunOf(request);
      if (host.mounts.has(request.pool)) {
        if (lun.uuid === request.newUuid) return;
        throw new OperationalError('failed', `${request.pool} is mounted on ${name} under its old name`);
      }
      if (world.clock.nowMs() > notAfterMs) throw new OperationalError('failed', `this command for ${request.pool} came too late: its old host may be back`);
      // For a moment, to replay what was not written yet.
      world.mount(host, request.pool);
      host.mounts.delete(request.pool);
      if (lun.uuid === request.uuid) assertTakesUp(world, host, lun);
      lun.uuid = request.newUuid;
    }),
    adopt: (token, request) => change(token, 'adopt', (host) => {
      const lun = lunOf(request);
      if (lun.uuid !== request.newUuid) throw new OperationalError('failed', `the file system of ${request.pool} has its old name still`);
      if (!host.mounts.has(request.pool)) world.mount(host, request.pool);
      host.lunPools.set(request.pool, lun.uuid);
      takeUp(world, host, lun);
      return [];
    }),
    forget: (token, request, isTaken) => change(token, 'forget', (host) => {
      const lun = world.luns.get(request.pool);
      if (lun?.uuid === request.uuid) return 'kept';
      if (lun?.uuid !== request.newUuid && !isTaken) throw new OperationalError('not-found', `no block device on ${name} has the file system of ${request.pool}`);
      if (host.mounts.has(request.pool)) throw new OperationalError('failed', `the file system of ${request.pool} is mounted on ${name}, and belongs to another one by now`);
      for (const domain of [...host.domains.values()]) if (domain.pool === request.pool && !domain.running) host.domains.delete(domain.uuid);
      host.lunPools.delete(request.pool);
      return 'lost';
    }),
  };
}

/** Its daemon takes up nothing of a pool in which one has the name of another that it has. */
function assertTakesUp(world: SimulatedWorld, host: SimulatedHost, lun: SimulatedLun): void {
  const inIt = [...world.host(lun.holder).domains.values()].filter((one) => one.pool === lun.pool);
  const twin = inIt.find(({ name }) => [...host.domains.values()].some((one) => one.name === name && one.pool !== lun.pool));
  if (twin) throw new OperationalError('failed', `what lies in ${lun.pool} can't be taken up here: it has an instance ${twin.name} already`);
}

/** What lies in it is as its last host left it; nothing of it runs. */
function takeUp(world: SimulatedWorld, host: SimulatedHost, lun: SimulatedLun): void {
  if (lun.holder !== host.name) {
    for (const domain of world.host(lun.holder).domains.values()) {
      if (domain.pool === lun.pool && !host.domains.has(domain.uuid)) host.domains.set(domain.uuid, { ...domain, running: null, reason: 'unknown', autostart: domain.autostart });
    }
  }
  lun.holder = host.name;
}
