// Several clusters in one configuration: what each inherits, what is its own, and the one line said about each mistake.
import { describe, expect, it } from 'vitest';
import { loadConfig, type Config } from './config.js';

function load(text: string, env: Readonly<Record<string, string>> = {}): ReturnType<typeof loadConfig> {
  return loadConfig({ argv: [], env, readFile: () => text, cwd: '/srv/site', hostname: 'ctl-1' });
}

function good(text: string, env: Readonly<Record<string, string>> = {}): Config {
  const found = load(text, env);
  if (!found.ok) throw new Error(found.error);
  return found.value;
}

function bad(text: string, env: Readonly<Record<string, string>> = {}): string {
  const found = load(text, env);
  if (found.ok) throw new Error('was taken');
  expect(found.error).not.toContain('\n');
  return found.error;
}

describe('clusters', () => {
  it('are one without the section, or with an empty one', () => {
    expect(good('clusterName: a').furtherClusters).toEqual([]);
    expect(good('clusters:').furtherClusters).toEqual([]);
  });

  it('have what the main file says, and their own over it, setting by setting', () => {
    const config = good('timing: { heartbeatMs: 200, silentMs: 1600 }\nfencing: { perClusterInFlight: 5 }\nclusters: { b: { witness: { listen: ["10.0.0.5:7491"] }, timing: { silentMs: 2000 }, admission: n+1 } }');
    expect(config).toMatchObject({ clusterName: 'reeve', timing: { heartbeatMs: 200, silentMs: 1600 }, admission: 'off' });
    expect(config.furtherClusters).toHaveLength(1);
    expect(config.furtherClusters[0]).toMatchObject({
      clusterName: 'b', stateDir: '/srv/site/.reeve/clusters/b', admission: 'n+1', fencing: { perClusterInFlight: 5 },
      timing: { heartbeatMs: 200, silentMs: 2000 }, witness: { listen: [{ address: '10.0.0.5', port: 7491 }], advertise: [{ address: '10.0.0.5', port: 7491 }] },
    });
  });

  it('have what a variable says, where they do not say it themselves', () => {
    const config = good('clusters: { b: { witness: { listen: ["127.0.0.1:7491"] } }, c: { witness: { listen: ["127.0.0.1:7501"] }, recovery: { maxSilentShare: 0.7 } } }', { REEVE_RECOVERY_MAX_SILENT_SHARE: '0.4' });
    expect([config, ...config.furtherClusters].map((one) => one.recovery.maxSilentShare)).toEqual([0.4, 0.4, 0.7]);
  });

  it('tell the same people, unless they name their own', () => {
    const config = good('alerts: { targets: ["http://all.example"] }\nclusters: { b: { witness: { listen: ["127.0.0.1:7491"] } }, c: { witness: { listen: ["127.0.0.1:7501"] }, alerts: { targets: ["http://c.example"] } } }');
    expect([config, ...config.furtherClusters].map((one) => one.alerts.targets.map(({ name }) => name))).toEqual([['all.example'], ['all.example'], ['c.example']]);
    expect(bad('clusters: { b: { witness: { listen: ["127.0.0.1:7491"] }, alerts: { targets: [{ name: ops }] } } }')).toBe('./reeve.yaml: clusters.b.alerts.targets (at 0): ops has none of url, urlFile and command; give one of them');
  });

  it('do not take the addresses that stand for those of the first', () => {
    const config = good('witness: { listen: [0.0.0.0], advertise: [192.0.2.1] }\nclusters: { b: { witness: { listen: ["10.0.0.5:7491"] } } }');
    expect(config.furtherClusters[0]?.witness.advertise).toEqual([{ address: '10.0.0.5', port: 7491 }]);
  });

  it.each([
    ['a list', 'clusters: [b]', './reeve.yaml: clusters is ["b"]; it must be a mapping of names to settings'],
    ['a name', 'clusters: { B_1: {} }', './reeve.yaml: clusters has the name "B_1"; it must be at most 40 lower-case letters, digits and hyphens'],
    ['the first one’s name', 'clusterName: a\nclusters: { a: {} }', './reeve.yaml: clusters.a is the name of the first cluster too (clusterName)'],
    ['a name twice', 'clusters: { b: {}, b: {} }', './reeve.yaml: Map keys must be unique'],
    ['no section', 'clusters: { b: 3 }', './reeve.yaml: clusters.b is 3; it must be a section with witness, timing'],
    ['what belongs to the process', 'clusters: { b: { database: {} } }', './reeve.yaml: clusters.b.database can\'t be set for one cluster; it may have witness, timing'],
    ['an unknown setting', 'clusters: { b: { timing: { heartbeetMs: 300 } } }', './reeve.yaml: unknown setting clusters.b.timing.heartbeetMs; did you mean clusters.b.timing.heartbeatMs?'],
    ['a bad value', 'clusters: { b: { fencing: { perClusterInFlight: many } } }', './reeve.yaml: clusters.b.fencing.perClusterInFlight is "many"; it must be a whole number from 1 to 32'],
    ['a section that is none', 'clusters: { b: { timing: 300 } }', './reeve.yaml: clusters.b.timing is 300; it must be a section with heartbeatMs, silentMs, watchdogMs'],
    ['timing that does not go with the main file’s', 'timing: { heartbeatMs: 500, silentMs: 3000 }\nclusters: { b: { timing: { silentMs: 900 }, witness: { listen: ["127.0.0.1:7491"] } } }', './reeve.yaml: clusters.b.timing: silentMs is 900; with heartbeatMs 500'],
    ['an address that no host can send to', 'clusters: { b: { witness: { listen: ["0.0.0.0:7491"] } } }', './reeve.yaml: clusters.b.witness.listen has 0.0.0.0; then witness.advertise must give'],
    ['ears on the first one’s port', 'clusters: { b: {} }', './reeve.yaml: clusters.b.witness.listen has 127.0.0.1:7481, and so has witness.listen; give each cluster a port of its own, such as 7482'],
    ['ears on a port that is taken everywhere', 'witness: { listen: [0.0.0.0], advertise: [10.0.0.5] }\nclusters: { b: { witness: { listen: [10.1.0.5] } } }', './reeve.yaml: clusters.b.witness.listen has 10.1.0.5:7481, and so has witness.listen'],
    ['ears on one port with each other', 'clusters: { b: { witness: { listen: ["127.0.0.1:7491"] } }, c: { witness: { listen: ["127.0.0.1:7491"] } } }', './reeve.yaml: clusters.c.witness.listen has 127.0.0.1:7491, and so has clusters.b.witness.listen'],
    ['one address for hosts to send to', 'witness: { advertise: [192.0.2.1] }\nclusters: { b: { witness: { listen: ["10.0.0.5:7491"], advertise: [192.0.2.1] } } }', './reeve.yaml: clusters.b.witness.advertise has 192.0.2.1:7481, and so has witness.advertise'],
    ['too many', `clusters: {${Array.from({ length: 16 }, (_, nth) => ` c${nth}: {}`).join(',')} }`, './reeve.yaml: clusters has 16 names; with reeve there may be 16 clusters'],
    ['the section’s name', 'cluster: {}', './reeve.yaml: unknown setting cluster; did you mean clusters?'],
  ])('%s: one line', (_what, text, expected) => {
    expect(bad(text)).toContain(expected);
  });
});
