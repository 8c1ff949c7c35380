// How much room a daemon's storage pools have: one question a pool, and one that is not answered is no reason to know nothing of the daemon.
import { z } from 'zod';
import type { ContainerPool } from '../../host-facts.js';
import { REMOTE_DRIVERS } from './remote-drivers.js';
import { SECTION_MARK } from './sections.js';

const SECTION = 'room of ';
/** A pool on storage that hangs must not take the time of all the rest. */
const ASK_S = 2;

/** In a process of its own, so that the limit stays there; after the first that hangs the others are not asked. */
export const POOL_ROOM_SCRIPT = `client query /1.0/storage-pools | tr -d ' \\t",[]' | {
  limit=${ASK_S}
  while read -r pool; do
    case $pool in /1.0/storage-pools/?*) ;; *) continue ;; esac
    echo "${SECTION_MARK}${SECTION}\${pool##*/}"
    client query "$pool/resources" < /dev/null 2> /dev/null
    [ $? -ne 124 ] || break
  done
}`;

const roomSchema = z.object({ space: z.object({ used: z.number().optional(), total: z.number() }) });
const MIB = 1024 ** 2;

/** Nothing of a pool that other hosts fill too, of one that is not reached (then it is its empty folder that is measured), and of one whose daemon does not say. */
export function parsePoolRoom(sections: ReadonlyMap<string, string>, { name, driver, isUnavailable }: ContainerPool): Pick<ContainerPool, 'freeMiB' | 'totalMiB'> {
  if (REMOTE_DRIVERS.has(driver) || isUnavailable === true) return {};
  const parsed = roomSchema.safeParse(jsonOrNull(sections.get(`${SECTION}${encodeURIComponent(name)}`)));
  const space = parsed.success ? parsed.data.space : null;
  if (space === null || space.total === 0) return {};
  return { freeMiB: Math.floor(Math.max(0, space.total - (space.used ?? 0)) / MIB), totalMiB: Math.floor(space.total / MIB) };
}

function jsonOrNull(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}
