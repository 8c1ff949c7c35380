// The configuration: what holds by default, what wins over what, and the one line said about each mistake.
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../cluster/cluster-policy.js';
import { DEFAULT_MIGRATION_POLICY } from '../migration/migration-policy.js';
import { loadConfig, type Config } from './config.js';
import { migrationPolicyFrom, policyFrom } from './config-policy.js';
import { SETTINGS } from './config-settings.js';

interface World {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ argv = [], env = {}, files = {} }: World): ReturnType<typeof loadConfig> {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ argv, env, readFile, cwd: '/srv/site', hostname: 'ctl-1' });
}

function good(world: World): Config {
  const found = load(world);
  if (!found.ok) throw new Error(found.error);
  return found.value;
}

function bad(world: World): string {
  const found = load(world);
  if (found.ok) throw new Error('was taken');
  expect(found.error).not.toContain('\n');
  return found.error;
}

const yaml = (text: string): World => ({ files: { './reeve.yaml': text } });

describe('defaults', () => {
  it('need nothing: embedded Postgres, queue in it, loopback only, all roles', () => {
    expect(good({})).toMatchObject({
      clusterName: 'reeve',
      stateDir: '/srv/site/.reeve',
      roles: ['api', 'controller', 'worker'],
      replicaName: 'ctl-1',
      api: { listen: { kind: 'tcp', host: '127.0.0.1', port: 7480 }, tokenFile: '/srv/site/.reeve/api-token' },
      database: { kind: 'embedded', dataDir: '/srv/site/.reeve/postgres' },
      queue: { kind: 'postgres' },
      witness: { listen: [{ address: '127.0.0.1', port: 7481 }], advertise: [{ address: '127.0.0.1', port: 7481 }] },
      ssh: { identityFile: '/srv/site/.reeve/ssh/id_ed25519', makeIdentity: true },
      log: { level: 'info', pretty: null },
    });
  });

  it('are the domain’s own for decisions', () => {
    expect(policyFrom(good({}))).toEqual(DEFAULT_POLICY);
    expect(migrationPolicyFrom(good({}))).toEqual(DEFAULT_MIGRATION_POLICY);
  });

  it('are usable each: every default passes as a given value', () => {
    const given = Object.fromEntries(SETTINGS.filter((one) => typeof one.fallback === 'string' || typeof one.fallback === 'number').map((one) => [one.variable, String(one.fallback)]));
    expect(Object.keys(given).length).toBeGreaterThan(15);
    expect(good({ env: given })).toEqual(good({}));
  });
});

describe('sources', () => {
  it('reads ./reeve.yaml when it is there, in YAML or JSON', () => {
    expect(good(yaml('clusterName: lab\ntiming: { heartbeatMs: 200, silentMs: 1200 }')).timing).toMatchObject({ heartbeatMs: 200, silentMs: 1200 });
    expect(good(yaml('{"clusterName": "lab"}')).clusterName).toBe('lab');
    expect(good(yaml('# all by default\n')).clusterName).toBe('reeve');
  });

  it('takes --config over REEVE_CONFIG over the default file', () => {
    const files = { './reeve.yaml': 'clusterName: a', '/b': 'clusterName: b', '/c': 'clusterName: c' };
    expect(good({ files }).clusterName).toBe('a');
    expect(good({ files, env: { REEVE_CONFIG: '/b' } }).clusterName).toBe('b');
    expect(good({ files, env: { REEVE_CONFIG: '/b' }, argv: ['--config', '/c'] }).clusterName).toBe('c');
    expect(good({ files, argv: ['--config=/c'] }).clusterName).toBe('c');
  });

  it('takes the environment over the file, and --roles over both', () => {
    const files = { './reeve.yaml': 'timing: { silentMs: 3000 }\nroles: [api]' };
    const env = { REEVE_TIMING_SILENT_MS: '2400', REEVE_ROLES: 'worker', REEVE_MIGRATION_AUTO_CONVERGE: 'false', REEVE_WITNESS_LISTEN: '10.0.0.5, 10.1.0.5:9000,[fd00::5]:9001' };
    const config = good({ files, env, argv: ['--roles', 'controller,worker'] });
    expect(config.timing.silentMs).toBe(2400);
    expect(config.roles).toEqual(['controller', 'worker']);
    expect(config.migration.autoConverge).toBe(false);
    expect(config.witness.listen).toEqual([{ address: '10.0.0.5', port: 7481 }, { address: '10.1.0.5', port: 9000 }, { address: 'fd00::5', port: 9001 }]);
  });

  it('takes DATABASE_URL and REDIS_URL; an empty one counts as not given', () => {
    const config = good({ env: { DATABASE_URL: 'postgres://u:p@db/x', REDIS_URL: 'redis://q:6379' } });
    expect(config.database).toEqual({ kind: 'url', url: 'postgres://u:p@db/x' });
    expect(config.queue).toEqual({ kind: 'redis', url: 'redis://q:6379' });
    expect(good({ env: { DATABASE_URL: '', REDIS_URL: '' } }).database.kind).toBe('embedded');
  });

  it('takes secrets from files: a whole URL, or its password', () => {
    const files = { './reeve.yaml': 'database: { url: "postgres://reeve@db/reeve", passwordFile: /run/pw }\nqueue: { redisUrlFile: /run/redis }', '/run/pw': 'a/b@c\n', '/run/redis': 'redis://:x@q:6379\n' };
    expect(good({ files }).database).toEqual({ kind: 'url', url: 'postgres://reeve:a%2Fb%40c@db/reeve' });
    expect(good({ files }).queue).toEqual({ kind: 'redis', url: 'redis://:x@q:6379' });
  });

  it('takes alert targets: a URL alone, or more about it, with secrets from files', () => {
    const files = { './reeve.yaml': 'alerts: { maxAgeH: 2, targets: ["https://hooks.example/a", { name: ops, urlFile: /run/url, secretFile: /run/secret, least: alert, types: ["host.*"], timeoutS: 5 }, { name: page, command: [/bin/page, --now] }] }', '/run/url': 'https://other.example/b\n', '/run/secret': 'text\n' };
    expect(good({ files }).alerts).toEqual({
      maxAgeMs: 7_200_000,
      targets: [
        { name: 'hooks.example', way: { kind: 'webhook', url: 'https://hooks.example/a', secret: null }, least: 'warning', types: null, timeoutMs: 10_000 },
        { name: 'ops', way: { kind: 'webhook', url: 'https://other.example/b', secret: 'text' }, least: 'alert', types: ['host.*'], timeoutMs: 5_000 },
        { name: 'page', way: { kind: 'command', command: ['/bin/page', '--now'] }, least: 'warning', types: null, timeoutMs: 10_000 },
      ],
    });
    expect(good({ env: { REEVE_ALERTS_TARGETS: 'http://a.example/x,http://b.example/y' } }).alerts.targets.map((one) => one.name)).toEqual(['a.example', 'b.example']);
    expect(good({}).alerts.targets).toEqual([]);
  });

  it('leaves alone the variables of the CLI and the lab', () => {
    expect(good({ env: { REEVE_SERVER: 'http://x', REEVE_TOKEN: 't', REEVE_LAB_HOSTS: '3' } }).clusterName).toBe('reeve');
  });
});

describe('mistakes, one line each', () => {
  it.each<[string, World, string]>([
    ['an unknown setting', yaml('timing: { heartbeetMs: 300 }'), './reeve.yaml: unknown setting timing.heartbeetMs; did you mean timing.heartbeatMs?'],
    ['a setting in the wrong section', yaml('heartbeatMs: 300'), './reeve.yaml: unknown setting heartbeatMs; did you mean timing.heartbeatMs?'],
    ['an unknown section', yaml('tming: {}'), './reeve.yaml: unknown setting tming; did you mean timing?'],
    ['nothing like it', yaml('zzz: 1'), './reeve.yaml: unknown setting zzz; docs/configuration.md lists all'],
    ['text for a number', yaml('timing: { heartbeatMs: fast }'), './reeve.yaml: timing.heartbeatMs is "fast"; it must be a whole number of milliseconds from 50 to 5000'],
    ['a number out of bounds', yaml('placement: { cpuOvercommit: 100 }'), './reeve.yaml: placement.cpuOvercommit is 100; it must be a number from 0.1 to 64'],
    ['a section that is none', yaml('timing: 300'), './reeve.yaml: timing is 300; it must be a section with heartbeatMs, silentMs, watchdogMs'],
    ['an address without port', yaml('api: { listen: localhost }'), './reeve.yaml: api.listen is "localhost"; it must be "ADDRESS:PORT" or "unix:/absolute/path"'],
    ['an unknown role', yaml('roles: [api, boss]'), './reeve.yaml: roles (at 1) is ["api","boss"]; it must be a list out of api, controller, worker'],
    ['a bad link', yaml('witness: { listen: [{ address: 10.0.0.5, prt: 1 }] }'), './reeve.yaml: witness.listen has the unknown key prt; it must be a list of addresses'],
    ['a bad variable', { env: { REEVE_TIMING_HEARTBEAT_MS: 'soon' } }, 'environment variable REEVE_TIMING_HEARTBEAT_MS: timing.heartbeatMs is "soon"; it must be'],
    ['a variable under another section', { ...yaml('timing: 3'), env: { REEVE_TIMING_HEARTBEAT_MS: '100' } }, './reeve.yaml: timing is not a section of settings'],
    ['an unknown variable', { env: { REEVE_TIMING_HEARTBEATMS: '1' } }, 'unknown environment variable REEVE_TIMING_HEARTBEATMS; did you mean REEVE_TIMING_HEARTBEAT_MS?'],
    ['an unknown argument', { argv: ['--confg', 'x'] }, 'unknown argument --confg; known are --config FILE, --roles LIST'],
    ['an argument without value', { argv: ['--config'] }, '--config needs a value'],
    ['a missing file', { argv: ['--config', '/no'] }, '/no: there is no such file'],
    ['broken YAML', yaml('a: [1'), './reeve.yaml: '],
    ['a list for a file', yaml('- a'), './reeve.yaml: it must be a mapping of settings'],
    ['timing that would silence healthy hosts', yaml('timing: { heartbeatMs: 1000, silentMs: 1500 }'), './reeve.yaml: timing: silentMs is 1500; with heartbeatMs 1000 it must be at least 4000'],
    ['no address for hosts to send to', yaml('witness: { listen: [0.0.0.0] }'), './reeve.yaml: witness.listen has 0.0.0.0; then witness.advertise must give the addresses'],
    ['two ways to one secret', yaml('database: { url: "postgres://x", urlFile: /f }'), './reeve.yaml: database.url and ./reeve.yaml: database.urlFile are both given; give one of them'],
    ['an empty secret', { ...yaml('queue: { redisUrlFile: /f }'), files: { './reeve.yaml': 'queue: { redisUrlFile: /f }', '/f': '\n' } }, './reeve.yaml: queue.redisUrlFile: /f is empty'],
    ['a password without URL', yaml('database: { passwordFile: /f }'), './reeve.yaml: database.passwordFile is given without'],
    ['an alert target without an address', yaml('alerts: { targets: [{ name: ops }] }'), './reeve.yaml: alerts.targets (at 0): ops has none of url, urlFile and command; give one of them'],
    ['an alert target with two addresses', yaml('alerts: { targets: [{ name: ops, url: "http://x", urlFile: /u }] }'), './reeve.yaml: alerts.targets (at 0): ops has url and urlFile; give one of them'],
    ['an alert target that is no webhook', yaml('alerts: { targets: [{ name: ops, url: "ftp://s3cret" }] }'), './reeve.yaml: alerts.targets (at 0.url) is not usable; it must be a URL that starts with http:// or https://, without a user in it'],
    ['an alert target with a user', yaml('alerts: { targets: ["http://u:s3cret@x"] }'), './reeve.yaml: alerts.targets (at 0.url) is not usable; it must be'],
    ['an alert target in words', yaml('alerts: { targets: [ops] }'), './reeve.yaml: alerts.targets (at 0) is not usable; it must be a list of at most 16 targets, each a URL or {name'],
    ['alert targets with one name', yaml('alerts: { targets: ["http://x/1", "http://x/2"] }'), './reeve.yaml: alerts.targets (at 1) has the name x, and so has another target; give each its own'],
    ['a command without a path', yaml('alerts: { targets: [{ name: ops, command: [page] }] }'), './reeve.yaml: alerts.targets (at 0.command.0) is not usable; it must be a list of an absolute path and arguments, such as [/usr/local/bin/page, --now]'],
    ['a command and a secret', { files: { './reeve.yaml': 'alerts: { targets: [{ name: ops, command: [/bin/page], secretFile: /f }] }', '/f': 'x' } }, './reeve.yaml: alerts.targets (at 0).secretFile signs what goes to a URL, and this is a command; leave it out'],
    ['an unknown severity', yaml('alerts: { targets: [{ name: ops, url: "http://x", least: fatal }] }'), './reeve.yaml: alerts.targets (at 0.least) is not usable; it must be one of info, notice, warning, alert'],
    ['an event type that is none', yaml('alerts: { targets: [{ name: ops, url: "http://x", types: ["Host!"] }] }'), './reeve.yaml: alerts.targets (at 0.types.0) is not usable; it must be a list of event types such as workload.error or host.*'],
    ['an unknown field of an alert target', yaml('alerts: { targets: [{ name: ops, uri: "http://x" }] }'), './reeve.yaml: alerts.targets has the unknown key uri; it must be a list of at most 16 targets'],
    ['a secret file that is not there', yaml('alerts: { targets: [{ name: ops, url: "http://x", secretFile: /run/none }] }'), './reeve.yaml: alerts.targets (at 0).secretFile: /run/none can'],
    ['a file that holds no URL', { files: { './reeve.yaml': 'alerts: { targets: [{ name: ops, urlFile: /u }] }', '/u': 'x' } }, './reeve.yaml: alerts.targets (at 0).urlFile: /u does not hold a URL that starts with'],
    ['alerts that never grow old', yaml('alerts: { maxAgeH: 0 }'), './reeve.yaml: alerts.maxAgeH is 0; it must be a whole number of hours from 1 to 720'],
    ['two databases', yaml('database: { url: "postgres://x", dataDir: /d }'), './reeve.yaml: database.dataDir is for the embedded Postgres'],
  ])('%s', (_what, world, expected) => {
    expect(bad(world)).toContain(expected);
  });

  it('never shows the value of a secret', () => {
    const line = bad({ env: { DATABASE_URL: 'mysql://u:s3cret@db' } });
    expect(line).toBe('environment variable DATABASE_URL: database.url is not usable; it must be a URL that starts with postgres:// or postgresql://');
  });
});
