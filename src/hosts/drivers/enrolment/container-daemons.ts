// The daemons for containers on a host: how they are found, what they are asked, and how their answers are read.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import type { ContainerDriver, DaemonDoor } from '../../container-trust.js';
import type { SurveyedDaemon } from '../../host-survey.js';

/** A daemon that hangs must not take the whole look with it. */
const DAEMON_S = 10;

/**
 * Shell: `daemons` prints "driver client" for each daemon that has its state on the host. No client is called elsewhere: on Ubuntu, `lxc` in the PATH may be
 * a program that installs LXD when it is called; and the PATH of a command over SSH has no /snap/bin. HOME: the client keeps its remotes there.
 */
export const FIND_DAEMONS = `export HOME=/root
daemons() {
  if [ -d /var/snap/lxd/common/lxd/database ] && [ -x /snap/bin/lxc ]; then echo "lxd /snap/bin/lxc"
  elif [ -d /var/lib/lxd/database ] && [ -x /usr/bin/lxc ]; then echo "lxd /usr/bin/lxc"; fi
  if [ -d /var/lib/incus/database ] && [ -x /usr/bin/incus ]; then echo "incus /usr/bin/incus"; fi
}
ask() { timeout ${DAEMON_S} "$client" query "$1" 2> /dev/null < /dev/null | tr -d '\\n\\t'; }`;

/** Lines for `daemonsOf`. */
export const DAEMONS_SCRIPT = `${FIND_DAEMONS}
# Not echo: there are backslashes in the answers.
tell() { printf 'daemon-%s %s\\n' "$1" "$2"; }
daemons | while read -r driver client; do
  echo "daemon $driver"
  if why=$(timeout ${DAEMON_S} "$client" query /1.0 2>&1 > /dev/null < /dev/null); then
    tell server "$(ask /1.0)"
    tell pools "$(ask '/1.0/storage-pools?recursion=1')"
    tell networks "$(ask '/1.0/networks?recursion=1')"
    tell profiles "$(ask '/1.0/profiles?recursion=1')"
    case $client in
      /snap/*) [ "$(snap get lxd criu.enable 2> /dev/null)" != true ] || echo "daemon-criu yes" ;;
      *) ! command -v criu > /dev/null || echo "daemon-criu yes" ;;
    esac
  else
    tell error "$(printf '%s\\n' "\${why:-no answer within ${DAEMON_S} s}" | tail -n1)"
  fi
done`;

const serverSchema = z.object({
  config: z.record(z.string(), z.unknown()).nullish(),
  environment: z.object({ server_version: z.string().default('unknown'), server_clustered: z.boolean().default(false), certificate_fingerprint: z.string().default('') }),
});
const poolsSchema = z.array(z.object({ name: z.string(), driver: z.string() }));
const networksSchema = z.array(z.object({ name: z.string(), managed: z.boolean() }));
const namesSchema = z.array(z.object({ name: z.string() }));

type Line = readonly [key: string, value: string];

/** From lines of "key value"; the lines of a daemon follow its `daemon` line. */
export function daemonsOf(lines: readonly Line[]): readonly SurveyedDaemon[] {
  return sectionsOf(lines).map(({ driver, value }) => daemonOf(driver, value));
}

export function doorsOf(lines: readonly Line[]): readonly DaemonDoor[] {
  return sectionsOf(lines).map(({ driver, value }) => {
    const { error, httpsAddress, isClustered } = daemonOf(driver, value);
    return { driver, error, httpsAddress, isClustered, fingerprint: error === null ? parse(serverSchema, value('server'), driver).environment.certificate_fingerprint : '' };
  });
}

interface Section {
  readonly driver: ContainerDriver;
  readonly value: (key: string) => string;
}

function sectionsOf(lines: readonly Line[]): readonly Section[] {
  const starts = lines.flatMap(([key], index) => (key === 'daemon' ? [index] : []));
  return starts.map((start, nth) => {
    const own = lines.slice(start, starts[nth + 1]);
    return { driver: own[0]?.[1] === 'incus' ? 'incus' : 'lxd', value: (key) => own.find(([name]) => name === `daemon-${key}`)?.[1] ?? '' };
  });
}

function daemonOf(driver: ContainerDriver, value: (key: string) => string): SurveyedDaemon {
  try {
    if (value('server') !== '') return parseDaemon(driver, value);
    return mute(driver, value('error') || 'it says nothing');
  } catch (error) {
    // It keeps no host out.
    if (error instanceof OperationalError) return mute(driver, error.message);
    throw error;
  }
}

function mute(driver: ContainerDriver, error: string): SurveyedDaemon {
  return { driver, error, version: 'unknown', httpsAddress: null, isClustered: false, healingThresholdS: 0, criu: false, pools: [], networks: [], profiles: [] };
}

function parseDaemon(driver: ContainerDriver, value: (key: string) => string): SurveyedDaemon {
  const { config, environment } = parse(serverSchema, value('server'), driver);
  return {
    driver,
    error: null,
    version: environment.server_version,
    httpsAddress: textOf(config?.['core.https_address']),
    isClustered: environment.server_clustered,
    // LXD before 5.14 has none.
    healingThresholdS: Number(config?.['cluster.healing_threshold'] ?? 0) || 0,
    criu: value('criu') === 'yes',
    pools: parse(poolsSchema, value('pools'), driver).map(({ name, driver: kind }) => ({ name, driver: kind })),
    networks: parse(networksSchema, value('networks'), driver).filter(({ managed }) => managed).map(({ name }) => name).sort(),
    profiles: parse(namesSchema, value('profiles'), driver).map(({ name }) => name).sort(),
  };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function parse<Schema extends z.ZodType>(schema: Schema, text: string, driver: ContainerDriver): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new OperationalError('failed', `${driver} gave an answer that cannot be read: ${text.slice(0, 80)}`);
  }
}
