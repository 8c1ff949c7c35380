// docker-compose.yml keeps what it promises: durable queue, loopback only, secrets from files, health checks, settings that Reeve takes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from './config.js';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[]; readonly timeout: string };
  readonly network_mode?: string;
  readonly restart?: string;
  readonly cap_drop?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<'postgres' | 'redis' | 'control-plane', Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const text = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const compose = parse(text('docker-compose.yml')) as Compose;
const { postgres, redis, 'control-plane': controlPlane } = compose.services;
const all = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  it('keeps what the queue took: append-only file, nothing evicted', () => {
    const settings = redis.command?.join('\n') ?? '';
    for (const line of ['appendonly yes', 'appendfsync everysec', 'maxmemory-policy noeviction', 'dir /data']) expect(settings.split('\n')).toContain(line);
    expect(redis.volumes).toEqual(['redis-data:/data']);
  });

  it('keeps what Postgres committed, where version 18 looks for it', () => {
    expect(postgres.image).toBe('postgres:18');
    expect(postgres.volumes).toEqual(['postgres-data:/var/lib/postgresql']);
    expect(postgres.command).toContain('fsync=on');
  });

  it.each(all)('opens %s on loopback only, by published ports', (_name, service) => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(all)('gives %s a health check, a volume and a restart', (_name, service) => {
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
    expect(service.healthcheck?.timeout).toMatch(/^\d+s$/);
    expect(service.volumes?.length).toBeGreaterThan(0);
    for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    expect(service.restart).toBe('unless-stopped');
  });

  it('takes every secret from a file outside of git', () => {
    expect(text('.gitignore').split('\n')).toContain('secrets/');
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^\.\/secrets\//);
    for (const [, service] of all) for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets)).toContain(secret);
    const values = all.flatMap(([, service]) => Object.entries(service.environment ?? {})).filter(([name]) => /PASSWORD|SECRET|TOKEN/.test(name));
    expect(values.length).toBeGreaterThan(2);
    for (const [name, value] of values) expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.stringMatching(/^\/run\/secrets\//)]);
  });

  it('starts the control plane after both answer, on the machine’s own network, without rights', () => {
    expect(controlPlane.depends_on).toEqual({ postgres: { condition: 'service_healthy' }, redis: { condition: 'service_healthy' } });
    expect(controlPlane.network_mode).toBe('host');
    expect(controlPlane.cap_drop).toEqual(['ALL']);
    expect(text('Dockerfile')).toMatch(/^USER node$/m);
  });

  it('gives the control plane settings that it takes, and that reach the services’ ports', () => {
    const env = Object.fromEntries(Object.entries(controlPlane.environment ?? {}).map(([name, value]) => [name, value.replace('${REEVE_WITNESS_LISTEN:-}', '10.0.0.5,10.1.0.5')]));
    const readFile = (path: string): string => {
      if (!path.startsWith('/run/secrets/')) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      return 'pw\n';
    };
    const config = loadConfig({ argv: [], env, readFile, hostname: 'ctl' });
    if (!config.ok) throw new Error(config.error);
    expect(config.value).toMatchObject({
      stateDir: '/var/lib/reeve',
      api: { listen: { kind: 'tcp', host: '127.0.0.1', port: 7480 } },
      witness: { listen: [{ address: '10.0.0.5', port: 7481 }, { address: '10.1.0.5', port: 7481 }] },
      database: { kind: 'url', url: `postgres://reeve:pw@127.0.0.1:${published(postgres)}/reeve` },
      queue: { kind: 'redis', url: `redis://:pw@127.0.0.1:${published(redis)}` },
    });
    expect(controlPlane.volumes).toEqual([`reeve-state:${config.value.stateDir}`]);
  });
});

function published(service: Service): string {
  return (service.ports?.[0] ?? '').split(':')[1] ?? '';
}
