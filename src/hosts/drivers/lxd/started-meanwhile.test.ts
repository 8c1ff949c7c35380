// What somebody starts at its source while it is copied to be moved, or after that: neither the copy counts, nor may the source go. Run by a shell, with a client that answers as the daemon's.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CopyRequest } from '../../hypervisor.js';
import { clientScript, instanceScript } from './client-script.js';
import { copyScript } from './copy-script.js';
import { DIALECTS, type Dialect } from './dialect.js';
import { undefineScript } from './instance-scripts.js';
import { parseInventory } from './inventory.js';
import { EXIT } from './lxd-failure.js';
import { INVENTORY } from './recorded.fixture.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const instance = parseInventory(INVENTORY).instances.find(({ config }) => config['volatile.uuid'] === UUID)!;
const BEFORE = '2026-11-26T09:44:53.027047956Z';
const NEVER = ['1970-01-01T00:00:00Z', '0001-01-01T00:00:00Z'];
const REQUEST: CopyRequest = { id: 'op-1', uuid: UUID, destination: { name: 'host-2' }, keepsNewest: true, bandwidthMiBps: null };

let dir: string;
let dialect: Dialect;

/** `status` and `used` are what the daemon says of it; `copied`: it is at the destination. `on-copy`, `on-set`: what happens then. */
const CLIENT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
of() { cat "$1" 2>/dev/null; }
last() { printf '{\\n\\t"architecture": "x86_64",\\n\\t"last_used_at": "%s",\\n\\t"location": "none",\\n\\t"status": "%s",\\n\\t"type": "container"\\n}\\n' "$1" "$2"; }
case $1:$2:$3 in
  config:set:*) shift 2; echo "$@" >> set; of on-set | sh; exit 0 ;;
  config:get:*) case $4 in volatile.uuid) echo ${UUID} ;; user.reeve.role) case $3 in *:*) echo replica ;; esac ;; *) echo ;; esac ;;
  copy:*) : > copied; of on-copy | sh ;;
  query:*/operations*) echo '{}' ;;
  query:*:/1.0/instances\\?*) echo '[]' ;;
  query:*:/1.0/instances/*) [ -e copied ] || { echo 'Error: Instance not found' >&2; exit 1; }; last ${NEVER[0]} Stopped ;;
  query:/1.0/instances/*) last "$(of used)" "$(of status)" ;;
esac
`;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-client-'));
  mkdirSync(join(dir, 'state', 'database'), { recursive: true });
  writeFileSync(join(dir, 'client'), CLIENT);
  chmodSync(join(dir, 'client'), 0o755);
  dialect = { ...DIALECTS.lxd, stateDirs: [join(dir, 'state')], clients: [join(dir, 'client')] };
  daemonSays('Stopped', BEFORE);
});
afterEach(() => rmSync(dir, { recursive: true }));

function daemonSays(status: string, used: string): void {
  writeFileSync(join(dir, 'status'), status);
  writeFileSync(join(dir, 'used'), used);
}
const happens = (when: 'on-copy' | 'on-set', ...commands: readonly string[]): void => writeFileSync(join(dir, when), commands.join('\n'));
const STARTED = 'echo 2026-11-26T09:58:43.004784064Z > used';
function run(script: string): { readonly code: number | null; readonly said: string; readonly set: string } {
  const { status, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  const set = spawnSync('cat', [join(dir, 'set')], { encoding: 'utf8' }).stdout;
  return { code: status, said: stderr, set };
}

describe('a copy of what stands', () => {
  const copy = (): ReturnType<typeof run> => run(copyScript(dialect, instance, UUID, REQUEST));
  const mark = expect.stringMatching(/user\.reeve\.copied=\d/) as string;

  it('is whole when it stood all the while', () => {
    expect(copy()).toMatchObject({ code: 0, set: mark });
  });

  it.each<[string, readonly string[]]>([
    ['started and stopped again', [STARTED]],
    ['started, and runs', [STARTED, 'echo Running > status']],
    ['started, which the daemon has not noted yet', ['echo Running > status']],
  ])('is not when it was %s', (_how, commands) => {
    happens('on-copy', ...commands);
    const { code, said, set } = copy();
    expect([code, said]).toEqual([EXIT.notDone, expect.stringContaining('c1 was started meanwhile: what was written since is not in the copy')]);
    expect(set).not.toMatch(/user\.reeve\.copied=\d/);
  });

  it('is whole of what ran when it began, whatever becomes of that', () => {
    daemonSays('Running', BEFORE);
    happens('on-copy', STARTED, 'echo Stopped > status');
    expect(copy()).toMatchObject({ code: 0, set: mark });
  });
});

describe('what it was copied from', () => {
  const asOfMs = Date.parse(BEFORE) + 1;
  const undefine = (isOfCopy: boolean, ms = asOfMs): ReturnType<typeof run> => run(`${clientScript(dialect, 5)}\n${instanceScript(instance)}\n${undefineScript(UUID, { asOfMs: ms, isOfCopy }, null)}`);

  it.each([BEFORE, ...NEVER])('is a replica where it was not started since: %s', (used) => {
    daemonSays('Stopped', used);
    expect(undefine(true)).toMatchObject({ code: 0, set: expect.stringContaining(`user.reeve.role=replica user.reeve.copied=${asOfMs}`) as string });
  });

  it('stays a workload where it was', () => {
    const { code, said, set } = undefine(true, Date.parse(BEFORE) - 1);
    expect([code, said, set]).toEqual([EXIT.notDone, expect.stringContaining(`c1 was started (${BEFORE}) after the copy by which it was moved`), '']);
    expect(undefine(false, Date.parse(BEFORE) - 1).code).toBe(0);
  });

  it('stays one where the daemon does not say', () => {
    daemonSays('Stopped', '');
    expect(undefine(true)).toMatchObject({ code: EXIT.notDone, set: '' });
  });

  it('is one again where it was started and stopped just then', () => {
    happens('on-set', STARTED, 'rm on-set');
    expect(undefine(true)).toMatchObject({ code: EXIT.notStopped, set: expect.stringMatching(/user\.reeve\.role= user\.reeve\.copied= .*\n$/) as string });
  });
});
