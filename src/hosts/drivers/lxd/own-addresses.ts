// Of all instances of one uuid on a host at most one can be started that has its addresses: the others give theirs up, and get them back with the next copy.
import { quote } from '../ssh/shell-quote.js';
import { replicaKindOf, isStopped, uuidOf, type Instance } from './instance.js';
import { MARKS, SPARE } from './marks.js';

const HARDWARE_ADDRESS = /^volatile\..+\.hwaddr$/;
/** What a person has written at a NIC, or at its profile, and no two instances of one bridge may have. */
const UNIQUE = ['hwaddr', 'ipv4.address', 'ipv6.address'];

/** What the daemon has given its NICs, as settings. */
export function hardwareAddressesOf({ config }: Pick<Instance, 'config'>): readonly (readonly [key: string, address: string])[] {
  return Object.entries(config).filter(([key, address]) => HARDWARE_ADDRESS.test(key) && address !== '').toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** The NICs that have addresses of a person's choice, without these. Null: there is none. */
function withoutUnique({ expanded_devices }: Pick<Instance, 'expanded_devices'>): Readonly<Record<string, Readonly<Record<string, string>>>> | null {
  const own = Object.entries(expanded_devices).filter(([, device]) => device['type'] === 'nic' && UNIQUE.some((key) => device[key]));
  if (own.length === 0) return null;
  return Object.fromEntries(own.map(([name, device]) => [name, Object.fromEntries(Object.entries(device).filter(([key]) => !UNIQUE.includes(key)))]));
}

/** The instance that $name names, at the daemon of `remote`, is not whole from now on, and has none of the hardware addresses of `like`. */
export const giveUpHardwareAddresses = (remote: string, like: Pick<Instance, 'config'>, more: readonly string[] = []): string =>
  `set_settings "${remote}" ${[MARKS.copied, ...hardwareAddressesOf(like).map(([key]) => key)].map((key) => `${quote(key)}=`).concat(more).join(' ')}`;

/** What a person has written they do not give back by themselves: the daemon refuses such a change beside one that has it (`Failed add validation`), but not a new instance. So it is made anew by the next copy. */
function giveUpAddresses(instance: Instance): string {
  const devices = withoutUnique(instance);
  if (devices === null) return giveUpHardwareAddresses('', instance);
  return `${giveUpHardwareAddresses('', instance, [`${MARKS.stripped}=true`])} && client query -X PATCH "$path" -d ${quote(JSON.stringify({ devices }))} > /dev/null`;
}

/**
 * Before a start: the daemon refuses it while another instance on the same bridge has one of its addresses, one that is stopped, too (LXD from 5.0.3, Incus; LXD 5.0.2 lets the same
 * uuid pass). What can't be taken stays, and the start tells. While a copy is still written into a spare, as when its source was lost in the middle of that, LXD lets nothing be set
 * there: so what is written into has no hardware address (`openDestination`). Needs AT.
 */
export function freeAddresses(instances: readonly Instance[], uuid: string): string {
  const copies = instances.filter((one) => uuidOf(one) === uuid && replicaKindOf(one) === 'spare' && isStopped(one));
  return copies.map((one) => `own=$name
at ${quote(one.name)}
{ if [ "$(setting "" volatile.uuid):$(setting "" ${MARKS.role}):$(status_of "")" = ${quote(`${uuid}:${SPARE}:Stopped`)} ]; then
  ${giveUpAddresses(one)}
fi; } 2>/dev/null
at "$own"
`).join('');
}
