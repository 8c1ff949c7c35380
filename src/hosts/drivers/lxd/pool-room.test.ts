// How much room pools have, by the daemon's own figures (its API's example: used 343537419776 of 420100937728 bytes).
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { ContainerPool } from '../../host-facts.js';
import { parsePoolRoom, POOL_ROOM_SCRIPT } from './pool-room.js';
import { sectionsOf } from './sections.js';

const ANSWER = `@@reeve-section room of default
{
\t"inodes": {
\t\t"total": 30709993797,
\t\t"used": 23937695
\t},
\t"space": {
\t\t"total": 420100937728,
\t\t"used": 343537419776
\t}
}
@@reeve-section room of hung
@@reeve-section end
`;
const pool = (set: Partial<ContainerPool> = {}): ContainerPool => ({ name: 'default', driver: 'dir', source: null, ...set });

describe('parsePoolRoom', () => {
  it.each<[string, Partial<ContainerPool>, object]>([
    ['a pool of this host', {}, { freeMiB: 73_016, totalMiB: 400_639 }],
    ['one that other hosts fill too', { driver: 'ceph' }, {}],
    ['one that is not reached', { isUnavailable: true }, {}],
    ['one that was not answered for', { name: 'hung' }, {}],
    ['one that was not asked for', { name: 'other' }, {}],
  ])('%s', (_name, set, expected) => {
    expect(parsePoolRoom(sectionsOf(ANSWER), pool(set))).toEqual(expected);
  });
});

describe('the script', () => {
  const run = (client: string): string => execFileSync('/bin/sh', ['-c', `client() { ${client}; }\n${POOL_ROOM_SCRIPT}\necho "limit \${limit:-none}"`], { encoding: 'utf8' });
  const LIST = `printf '[\\n\\t"/1.0/storage-pools/a",\\n\\t"/1.0/storage-pools/b"\\n]\\n'`;

  it('asks for each pool, with a limit of its own that ends with it', () => {
    expect(run(`case $2 in */storage-pools) ${LIST} ;; *) echo "$limit $2" ;; esac`)).toBe('@@reeve-section room of a\n2 /1.0/storage-pools/a/resources\n@@reeve-section room of b\n2 /1.0/storage-pools/b/resources\nlimit none\n');
  });

  it('goes on after a refusal, and asks no more after one that hangs', () => {
    expect(run(`case $2 in */storage-pools) ${LIST} ;; *) return 1 ;; esac`)).toContain('room of b');
    expect(run(`case $2 in */storage-pools) ${LIST} ;; *) return 124 ;; esac`)).not.toContain('room of b');
  });
});
