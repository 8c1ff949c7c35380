// As whom Postgres runs: it refuses root, and it must end when we do.
import { spawnSync } from 'node:child_process';

export interface RunAs {
  readonly kind: 'ourselves' | 'namespace' | 'nobody';
  /** The command that the program is put behind. */
  readonly prefix: readonly [string, ...string[]];
  /** Who must own the files. */
  readonly uid: number;
  readonly gid: number;
}

/** The id that Postgres sees instead of root's. */
const NOBODY = 65_534;
const PROBE_MS = 5_000;

/** SIGINT is Postgres's fast shutdown. The kernel sends it when our process is gone, however it went. */
const WITH_US = ['--pdeathsig', 'INT', '--'] as const;
const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] as const;

/**
 * As root: in a user namespace where we are somebody else, so that the files stay root's and any directory will do. Where a container
 * forbids namespaces: as nobody, who must then be able to reach the files.
 */
export function runAs(uid = process.getuid?.() ?? 0, namespacesWork: () => boolean = tryNamespace): RunAs {
  if (uid !== 0) return { kind: 'ourselves', prefix: ['setpriv', ...WITH_US], uid, gid: process.getgid?.() ?? uid };
  if (namespacesWork()) return { kind: 'namespace', prefix: [...NAMESPACE, 'setpriv', ...WITH_US], uid: 0, gid: 0 };
  return { kind: 'nobody', prefix: ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...WITH_US], uid: NOBODY, gid: NOBODY };
}

function tryNamespace(): boolean {
  return spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'true'], { stdio: 'ignore', timeout: PROBE_MS }).status === 0;
}
