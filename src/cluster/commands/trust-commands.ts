// An operator asks for the trust between a host's daemons for containers and those of the others to be made whole.
import { UserError } from '../../shared/errors.js';
import type { Change } from '../change.js';
import type { ClusterView } from '../cluster-view.js';
import { findHost } from './find.js';
import type { Asked } from './host-commands.js';

export function renewTrustOf(view: ClusterView, name: string, { by, force }: Asked & { readonly force: boolean }): readonly Change[] {
  const host = findHost(view, name);
  if (host.condition !== 'online') throw new UserError('conflict', `${host.name} is ${host.condition}; only an online host can be told of certificates, and its return makes it known to the others again`, 'reeve status');
  if ((host.facts?.containerDaemons ?? []).length === 0) throw new UserError('refused', `${host.name} has neither LXD nor Incus, for all that is known`, `reeve host refresh ${host.name}`);
  const active = view.operations.find((operation) => operation.kind === 'renew-trust' && operation.hostId === host.id);
  if (active) throw new UserError('conflict', `that is under way already (operation ${active.id})`, `reeve operation show ${active.id}`);
  return [{ change: 'operation', operation: { kind: 'renew-trust', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: by, reason: `${by} renews the trust of ${host.name}`, params: { force } } }];
}
