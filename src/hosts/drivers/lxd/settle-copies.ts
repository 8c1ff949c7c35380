// Replica and spare change places: what was copied whole last gets the workload's name, and what it replaces is what the next copying writes into.
import { newestWholeMs } from '../../hypervisor.js';
import { quote } from '../ssh/shell-quote.js';
import { AT, instanceScript, notCopying } from './client-script.js';
import { isStopped, replicaKindOf, replicaOf, uuidOf, type Instance } from './instance.js';
import { EXIT } from './lxd-failure.js';
import { MARKS, passingNameOf, REPLICA, SPARE, spareNameOf } from './marks.js';

/**
 * Snapshots of a replica would be the plain way to keep its last whole state, but `copy --refresh` deletes those that its source lacks before it copies
 * (LXD 5.0.2, also with --instance-only). So there are two instances, and the daemon is never told to write into the whole one. Renaming takes 30 ms, whatever the size.
 * Null: each is in its place. Whatever a run that was cut short has left is put right by the next one.
 */
export function settleScript(instances: readonly Instance[], uuid: string, name: string): string | null {
  const own = instances.filter((one) => uuidOf(one) === uuid);
  const copies = own.filter((one) => replicaKindOf(one) === 'replica' || replicaKindOf(one) === 'spare');
  // The workload itself, what was set aside, and what runs: nothing takes their place.
  if (copies.length < own.length || !copies.every(isStopped)) return null;
  const best = newestOf(copies, uuid);
  if (best === null) return null;
  const names = new Set([spareNameOf(uuid), passingNameOf(uuid)]);
  const inPlace = copies.find((one) => !names.has(one.name));
  const steps = stepsOf({ uuid, best, copies, inPlace: inPlace ?? null, name: inPlace?.name ?? name });
  if (steps.length === 0) return null;
  return [instanceScript(best), AT, SAME, ...copies.map((one) => `same ${quote(one.name)} ${quote(stateOf(one, uuid))}`), ...steps].join('\n');
}

/** Of two that are equally new the one that is in its place already. */
function newestOf(copies: readonly Instance[], uuid: string): Instance | null {
  const newestMs = newestWholeMs(copies.map((one) => replicaOf(one, uuid)), uuid);
  const newest = copies.filter((one) => newestMs !== null && replicaOf(one, uuid).asOfMs === newestMs);
  return newest.find((one) => replicaKindOf(one) === 'replica') ?? newest[0] ?? null;
}

const CLOUD_ID = 'volatile.cloud-init.instance-id';

interface Places {
  readonly uuid: string;
  readonly best: Instance;
  readonly copies: readonly Instance[];
  /** What has the workload's name now. */
  readonly inPlace: Instance | null;
  readonly name: string;
}

function stepsOf({ uuid, best, copies, inPlace, name }: Places): readonly string[] {
  const [spare, passing] = [spareNameOf(uuid), passingNameOf(uuid)];
  const steps: string[] = [];
  // The daemon gives what it renames another one, and cloud-init would take it for a new machine at its next start: new host keys, and all that it does but once done again.
  const cloudId = best.config[MARKS.cloudId] || best.config[CLOUD_ID] || null;
  if (best !== inPlace) {
    // It says of itself what it is before it has another name: nothing of two names is the replica.
    if (inPlace !== null) steps.push(set(inPlace.name, `${MARKS.role}=${SPARE}`), rename(inPlace.name, passing));
    if (cloudId !== null) steps.push(set(best.name, `${MARKS.cloudId}=${quote(cloudId)}`));
    steps.push(rename(best.name, name));
  }
  if (replicaKindOf(best) !== 'replica') steps.push(set(name, `${MARKS.role}=${REPLICA}`, ...(cloudId === null ? [] : [`${CLOUD_ID}=${quote(cloudId)}`, `${MARKS.cloudId}=`])));
  const hasPassing = steps.includes(rename(inPlace?.name ?? '', passing)) || copies.some((one) => one !== best && one.name === passing);
  if (hasPassing && !copies.some((one) => one !== best && one.name === spare)) steps.push(rename(passing, spare));
  return steps;
}

const rename = (from: string, to: string): string => `client rename ${quote(from)} ${quote(to)} --project "$project" || exit $?`;
const set = (name: string, ...settings: readonly string[]): string => `at ${quote(name)}; set_settings "" ${settings.join(' ')} || exit $?`;

/** As it was when this was decided; and nothing writes into it: the daemon would rename it all the same. */
const stateOf = (instance: Instance, uuid: string): string => `${uuid}:${instance.config[MARKS.role] ?? ''}:${instance.config[MARKS.copied] ?? ''}:Stopped`;
const SAME = `same() {
  at "$1"
  found=$(setting "" volatile.uuid) && role=$(setting "" ${MARKS.role}) && copied=$(setting "" ${MARKS.copied}) && state=$(status_of "") || exit $?
  [ "$found:$role:$copied:$state" = "$2" ] || end ${EXIT.otherInstance} "$name is not what it was a moment ago"
  ${notCopying}
}`;
