// Of what a member of a cluster of daemons lists, what is its own; and when nothing of it may be believed.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import { instanceSchema, isStopped, kernelNameOf, uuidOf, type Instance } from './instance.js';
import { isPassingName, uuidInName } from './marks.js';
import { jsonOf } from './sections.js';

const membersSchema = z.array(z.object({ server_name: z.string(), status: z.string(), message: z.string().default('') }));

/** Of one on a member that is away its cluster keeps the name, and says nothing else: no type, no settings. */
const listedSchema = z.array(z.looseObject({ name: z.string(), project: z.string().default('default'), location: z.string(), status: z.string(), config: z.record(z.string(), z.string()).nullish() }));

export interface ElsewhereInstance {
  readonly name: string;
  readonly project: string;
  readonly location: string;
  /** Null: its member is away, and could not be asked. */
  readonly uuid: string | null;
}

interface Members {
  readonly instances: readonly Instance[];
  readonly elsewhere: readonly ElsewhereInstance[];
}

/**
 * A member lists all members' instances, from a database that is its cluster's and not its own. So for some seconds after the leader of that was lost it takes members
 * that live for offline, itself too, and their instances for `Error`; and when it was removed by force, its instances are in no list any more and run on all the same.
 * From such an answer nothing may be concluded: it counts as none. What it says of others matters less, and may be anything.
 */
export function ownInstances(sections: ReadonlyMap<string, string>, member: string): Members {
  // Before its instances were listed and after it: the one or the other was said in the same breath.
  for (const section of ['members', 'members-after']) assertCounted(jsonOf(membersSchema, sections.get(section) ?? '', 'the cluster of daemons about its members'), member);
  const listed = jsonOf(listedSchema, sections.get('instances') ?? '', 'the daemon about its instances');
  const own = jsonOf(z.array(instanceSchema), JSON.stringify(listed.filter(({ location }) => location === member)), 'the daemon about its instances');
  const elsewhere = listed.flatMap(({ name, project, location, config }) => (location === member ? [] : [{ name, project, location, uuid: config?.['volatile.uuid'] || null }]));
  const known = new Set(own.map(kernelNameOf));
  const [unlisted] = (sections.get('monitors') ?? '').split('\n').filter((name) => name !== '' && !known.has(name));
  if (unlisted !== undefined) throw doubted(`${unlisted} runs here, and its cluster does not list it here`, 'look at its list (`cluster list`, `list`) on every member');
  const named = own.map((one) => ({ name: one.name, uuid: uuidOf(one) }));
  return { instances: own.filter((one) => !isStopped(one) || !isOnItsWay({ name: one.name, uuid: uuidOf(one) }, [...named, ...elsewhere])), elsewhere: elsewhere.filter((one) => !isOnItsWay(one, [...named, ...elsewhere])) };
}

type Named = Pick<ElsewhereInstance, 'name' | 'uuid'>;

/**
 * Half of a move that goes on, or was cut: what it is the half of is in the list, too; one whose uuid can't be seen may be that. Alone it is the instance itself, whole and yet
 * without its name.
 */
function isOnItsWay({ name, uuid }: Named, all: readonly Named[]): boolean {
  if (!isPassingName(name)) return false;
  const of = uuid ?? uuidInName(name);
  return all.some((other) => other.name !== name && (other.uuid === null || other.uuid === of));
}

function assertCounted(members: z.infer<typeof membersSchema>, member: string): void {
  const own = members.find(({ server_name }) => server_name === member);
  if (!own) throw doubted(`its cluster has no member ${member} any more, as after it was removed there by force`, 'what runs here runs on; have the host join again, or stop it there: nothing is done from here');
  if (own.status === 'Offline') throw doubted(`its cluster takes this very member for offline (${own.message}), as it does while it looks for a new leader`, null);
}

const doubted = (why: string, remedy: string | null): OperationalError => new OperationalError('unreachable', `what the daemon says is not believed: ${why}`, remedy);
