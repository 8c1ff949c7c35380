// Is there an LXD or an Incus on a host, and what does it offer? Read for the host's facts.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import type { ContainerDaemon, ContainerPool } from '../../host-facts.js';
import { quote } from '../ssh/shell-quote.js';
import type { SshConnection } from '../ssh/ssh-connection.js';
import { FILESYSTEM_FUNCTIONS, parseFilesystems } from './block-filesystems.js';
import { clientScript } from './client-script.js';
import type { Dialect } from './dialect.js';
import { serverSchema } from './inventory.js';
import { jsonOf, sectionsOf, SECTION_MARK } from './sections.js';
import { EXIT } from './lxd-failure.js';
import { parsePoolRoom, POOL_ROOM_SCRIPT } from './pool-room.js';
import { parseTrust, trustScript } from './read-trust.js';

export type DaemonLook =
  | { readonly kind: 'absent' }
  | { readonly kind: 'answers'; readonly daemon: ContainerDaemon }
  /** It is installed and does not answer: nothing is known of it now, and nothing may be concluded. */
  | { readonly kind: 'mute'; readonly why: string };

/** Of each question on the host: a healthy daemon answers in 50 ms, one that boots in a second or two. */
const ASK_S = 6;
const LOOK_MS = 15_000;

export function daemonScript(dialect: Dialect): string {
  const bundled = dialect.bundledCriu === null ? '' : `[ "$(${dialect.bundledCriu} 2>/dev/null)" = true ] || `;
  return `${clientScript(dialect, ASK_S)}
ask() { echo "${SECTION_MARK}$1"; client query "$2" || exit $?; }
ask server /1.0
ask pools '/1.0/storage-pools?recursion=1'
ask networks '/1.0/networks?recursion=1'
ask profiles '/1.0/profiles?recursion=1'
echo "${SECTION_MARK}criu"
if ${bundled}command -v criu > /dev/null; then echo yes; fi
echo "${SECTION_MARK}filesystems"
${FILESYSTEM_FUNCTIONS}
filesystems
${trustScript(dialect.driver)}
${POOL_ROOM_SCRIPT}
echo "${SECTION_MARK}end"`;
}

export async function readContainerDaemon(ssh: SshConnection, dialect: Dialect): Promise<DaemonLook> {
  const what = `facts of ${dialect.title}`;
  const { code, stdout, stderr } = await ssh.run(['timeout', '-k', '2', String(LOOK_MS / 1000), '/bin/sh', '-c', daemonScript(dialect)], { timeoutMs: LOOK_MS + 1_000, okCodes: 'any', what });
  if (code === EXIT.noClient) return { kind: 'absent' };
  if (code !== 0) return { kind: 'mute', why: stderr.trim().split('\n').at(-1) || `${what}: exit code ${code}` };
  try {
    return { kind: 'answers', daemon: parseContainerDaemon(stdout, dialect) };
  } catch (error) {
    if (error instanceof OperationalError) return { kind: 'mute', why: error.message };
    throw error;
  }
}

const poolsSchema = z.array(z.object({ name: z.string(), driver: z.string(), status: z.string().optional(), config: z.record(z.string(), z.string()).nullish() }));
const networksSchema = z.array(z.object({ name: z.string(), managed: z.boolean() }));
const profilesSchema = z.array(z.object({ name: z.string() }));

export function parseContainerDaemon(output: string, { driver, title }: Dialect): ContainerDaemon {
  const sections = sectionsOf(output);
  if (!sections.has('end')) throw new OperationalError('failed', `what ${title} says about itself ended before its end`);
  const read = <Schema extends z.ZodType>(schema: Schema, section: string): z.infer<Schema> => jsonOf(schema, sections.get(section) ?? '', `${title} about its ${section}`);
  const { config, environment } = read(serverSchema, 'server');
  const address = config['core.https_address'];
  // Written as text; a daemon that stands alone heals nothing, whatever is set.
  const healing = environment.server_clustered ? Number(config['cluster.healing_threshold'] ?? 0) || 0 : 0;
  return {
    driver,
    version: environment.server_version,
    address: typeof address === 'string' && address !== '' ? address : null,
    isClustered: environment.server_clustered,
    ...(environment.server_clustered ? { cluster: { id: environment.certificate_fingerprint, member: environment.server_name } } : {}),
    ...(healing > 0 ? { healingThresholdS: healing } : {}),
    criu: sections.get('criu')?.trim() === 'yes',
    pools: read(poolsSchema, 'pools').map(poolOf).map((pool) => ({ ...pool, ...parsePoolRoom(sections, pool) })).sort(byName),
    filesystems: parseFilesystems(sections.get('filesystems') ?? '').map(({ device: _device, ...filesystem }) => filesystem),
    networks: read(networksSchema, 'networks').filter(({ managed }) => managed).map(({ name }) => name).sort(),
    profiles: read(profilesSchema, 'profiles').map(({ name }) => name).sort(),
    trust: parseTrust(output),
  };
}

function poolOf({ name, driver, status, config }: z.infer<typeof poolsSchema>[number]): ContainerPool {
  return { name, driver, source: config?.['source'] || null, ...(status === 'Unavailable' ? { isUnavailable: true as const } : {}) };
}

const byName = (one: { readonly name: string }, other: { readonly name: string }): number => (one.name < other.name ? -1 : 1);

/** Bridges of the host that the given names lack, for `compatibility`. */
export const missingBridgesScript = (bridges: readonly string[]): string => bridges.map((bridge) => `[ -d ${quote(`/sys/class/net/${bridge}/bridge`)} ] || echo ${quote(bridge)}`).join('\n');
