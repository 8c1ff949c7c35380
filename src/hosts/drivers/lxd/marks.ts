// What Reeve writes down at an instance itself, as settings of its own: they travel with its copies and outlive every control plane.

export const MARKS = {
  /** `replica`: a copy that is not the workload. `spare`: another one, into which the next copying writes, so that the last whole one stays. `set-aside`: what was the workload until it was recovered elsewhere. Absent: the workload, or an instance of somebody else. */
  role: 'user.reeve.role',
  /** Of a complete replica: as of when its data are, in ms. Absent while a copy goes on, and after one that failed. */
  copied: 'user.reeve.copied',
  /** While replica and spare change names: by what cloud-init knows it. */
  cloudId: 'user.reeve.cloud-id',
  /** Of a copy whose files are prepared to be written over: from when on, in s, their times may be the same as the source's with another content. */
  since: 'user.reeve.since',
  /** Of a spare: at a start beside it its NICs have lost the addresses that a person had written. It is deleted before the next copy. */
  stripped: 'user.reeve.stripped',
  /** What boot.autostart was before Reeve set it to false. */
  autostart: 'user.reeve.autostart',
} as const;

export const REPLICA = 'replica';
export const SPARE = 'spare';
export const SET_ASIDE = 'set-aside';

/** No person's instance is called so, and it is short enough whatever the workload is called. */
export const spareNameOf = (uuid: string): string => `reeve-${uuid}`;
/** Of the moment, while replica and spare change places. */
export const passingNameOf = (uuid: string): string => `${spareNameOf(uuid)}-was`;
/** What LXD until 5.0.2 calls an instance that is on its way to another member of its cluster. Later releases, and Incus, move it under its own name. */
export const movingNameOf = (uuid: string): string => `lxd-move-of-${uuid}`;
/**
 * What daemons call a copy that is to take its original's place: LXD until 5.0.2 as above; later (LXD `lxd-move-N`, Incus `move-of-N`, with a number made of the uuid) only where a
 * person moves one to another pool. Whose it is, its uuid says.
 */
const PASSING_NAME = /^(?:lxd-move-of-(.+)|lxd-move-\d+|move-of-\d+)$/;
export const isPassingName = (name: string): boolean => PASSING_NAME.test(name);
/** Null: its name alone does not say. */
export const uuidInName = (name: string): string | null => PASSING_NAME.exec(name)?.[1] ?? null;
/** The person had left boot.autostart alone. */
export const WAS_UNSET = 'unset';
