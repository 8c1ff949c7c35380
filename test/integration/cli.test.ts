// The command line where things are less smooth: nonsense, names that need quoting, nothing to do, a control plane that goes away.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../../src/api/start-api.js';
import { CliError, EXIT } from '../../src/cli/http-client.js';
import { runCli } from '../../src/cli/program.js';
import { operationId } from '../../src/shared/ids.js';
import { anOperation } from '../fixtures/cluster.js';
import { fakeApi, TOKEN, type FakeApi } from '../fixtures/fake-api-ports.js';
import type { PlanDocument } from '../../src/cluster/commands/plan-commands.js';
import { planFromFile } from '../../src/sim/plan-command.js';
import { parseScenario } from '../../src/sim/scenario/parse-scenario.js';

let dir = '';
let fake: FakeApi;
let api: RunningApi;
const listen = () => ({ kind: 'unix', path: join(dir, 'api.sock') }) as const;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-cli-'));
  fake = fakeApi();
  api = await startApi(fake.ports, { listen: listen(), log: () => undefined });
});
afterEach(async () => {
  await api.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function reeve(argv: readonly string[], { env = {}, heard = () => undefined }: { readonly env?: NodeJS.ProcessEnv; readonly heard?: (text: string) => void } = {}): Promise<Said> {
  let [out, err] = ['', ''];
  const code = await runCli(argv, {
    out: (text) => {
      out += text;
      heard(text);
    },
    err: (text) => {
      err += text;
      heard(text);
    },
    env: { REEVE_SERVER: `unix:${join(dir, 'api.sock')}`, REEVE_TOKEN: TOKEN, ...env },
    isTty: false,
    plan: planFromFile,
    ask: null,
  });
  return { code, out, err };
}

describe('what is not understood', () => {
  it.each([
    [['workload', 'set-priority', 'db-1', 'high'], 'It must be a whole number'],
    [['events', '-n', '0'], 'It must be a number from 1 to 500'],
    [['audit', '-n', '501'], 'It must be a number from 1 to 500'],
    [['host', 'add', 'h', '--address', 'a', '--ssh-port', '70000'], 'It must be a port'],
    [['completion', 'tcsh'], 'bash, zsh, fish'],
  ])('%j: a line, and exit code 2', async (argv, line) => {
    expect(await reeve(argv)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(line) as string });
  });

  it('a token or a state file that can’t be read', async () => {
    expect(await reeve(['status'], { env: { REEVE_TOKEN: undefined, REEVE_TOKEN_FILE: join(dir, 'none') } })).toMatchObject({ code: 2, err: expect.stringContaining("REEVE_TOKEN_FILE: ") as string });
    writeFileSync(join(dir, 'cli.json'), '{');
    expect(await reeve(['status'], { env: { REEVE_SERVER: undefined, REEVE_STATE_DIR: dir } })).toMatchObject({ code: 2, err: expect.stringContaining('cli.json is no JSON') as string });
  });

  it('is told as JSON where JSON was asked for', async () => {
    const { code, err } = await reeve(['workload', 'show', 'nobody', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(err)).toEqual({ error: 'no workload is named nobody', remedy: 'reeve workload list', exitCode: 1 });
  });

  it('is a name, whatever it is made of, and never a path', async () => {
    expect(await reeve(['workload', 'show', '../hosts'])).toMatchObject({ code: 1, err: expect.stringContaining('no workload is named ../hosts') as string });
    expect(await reeve(['host', 'show', 'a?b#c'])).toMatchObject({ code: 1, err: expect.stringContaining('no host is named a?b#c') as string });
  });
});

describe('what is wanted', () => {
  it('shows version, help with global options and exit codes, and an example of a specification', async () => {
    expect(await reeve(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
    expect((await reeve(['--help'])).out).toContain('Exit codes: 0 done');
    expect((await reeve(['workload', 'migrate', '--help'])).out).toContain('--wait');
    expect((await reeve(['workload', 'create', '--help'])).out).toContain('memoryMiB: 2048');
  });

  it('reports a look at a machine without adding it, and fails when a point fails', async () => {
    const { code, out } = await reeve(['host', 'add', 'host-9', '--address', '10.0.0.9', '--host-key', 'ssh-ed25519 AAAA', '--check-only']);
    expect(code).toBe(1);
    expect(out).toContain('apt-get install -y libvirt-daemon-system');
    expect(fake.asked.map(([name]) => name)).toEqual(['checkHost']);
  });

  it('never calls a cluster healthy whose queue is away', async () => {
    fake.state.queue = { ok: false, detail: 'BullMQ on Redis: no answer within 2000 ms' };
    expect((await reeve(['status'])).out).toMatch(/alert +cluster +operations wait, recoveries too: BullMQ on Redis/);
  });

  it('gives whole lists, page after page', async () => {
    const hosts = Array.from({ length: 501 }, (_, index) => ({ ...(fake.state.view.hosts[0] as (typeof fake.state.view.hosts)[number]), id: `id-${index}` as never, name: `h-${String(index).padStart(3, '0')}` }));
    fake.state.view = { ...fake.state.view, hosts };
    expect(JSON.parse((await reeve(['host', 'list', '--json'])).out)).toHaveLength(501);
  });

  it('waits for an operation that is cancelled, and calls that a success', async () => {
    fake.operations.push(anOperation('migrate', { id: operationId('op-moves'), state: 'running' }));
    const said = await reeve(['operation', 'cancel', 'op-moves', '--wait'], {
      heard: () => {
        const at = fake.operations.findIndex((one) => one.id === 'op-moves');
        fake.operations[at] = anOperation('migrate', { id: operationId('op-moves'), state: 'cancelled', why: 'cancelled on request' });
      },
    });
    expect(said).toMatchObject({ code: 0, out: expect.stringContaining('cancelled on request') as string });
  });

  it('waits through a restart of the control plane', async () => {
    fake.operations.push(anOperation('migrate', { id: operationId('op-moves'), state: 'running' }));
    const restarted: Promise<void>[] = [];
    const said = await reeve(['operation', 'cancel', 'op-moves', '--wait'], {
      heard: (text) => {
        if (text.includes('waiting')) restarted.push(startApi(fake.ports, { listen: listen(), log: () => undefined }).then((started) => void (api = started)));
        else if (restarted.length === 0) {
          fake.operations[fake.operations.length - 1] = anOperation('migrate', { id: operationId('op-moves'), state: 'cancelled' });
          void api.close();
        }
      },
    });
    await Promise.all(restarted);
    expect(said).toMatchObject({ code: 0, err: expect.stringContaining('does not answer') as string, out: expect.stringContaining('cancelled') as string });
  });
});

describe('manners', () => {
  it.each([
    [['rule', 'add', 'r1', '--type', 'hosts', '--workload', 'db-1', '--host', 'host-1:2', '--host', 'host-2', '--soft'], ['addRule', { name: 'r1', type: 'hosts', workloads: ['db-1'], hard: false, hosts: [{ host: 'host-1', priority: 2 }, { host: 'host-2', priority: 0 }] }]],
    [['rule', 'add', 'r2', '--type', 'keep-apart', '--workload', 'db-1', '--workload', 'db-2'], ['addRule', { name: 'r2', type: 'keep-apart', workloads: ['db-1', 'db-2'], hard: true }]],
    [['rule', 'add', 'r3', '--type', 'keep-apart', '--select', 'app=db', '--select', 'tier=1', '--per', 'zone'], ['addRule', { name: 'r3', type: 'keep-apart', workloads: [], select: { app: 'db', tier: '1' }, hard: true, per: 'zone' }]],
    [['rule', 'add', 'r4', '--type', 'hosts', '--workload', 'db-1', '--host', 'host-1:3', '--host-select', 'gpu=yes,zone=a:2', '--host-select', 'gpu=yes'], ['addRule', { name: 'r4', type: 'hosts', workloads: ['db-1'], hard: true, hosts: [{ host: 'host-1', priority: 3 }, { select: { gpu: 'yes', zone: 'a' }, priority: 2 }, { select: { gpu: 'yes' }, priority: 0 }] }]],
    [['rule', 'remove', 'r1'], ['removeRule', 'r1']],
    [['host', 'label', 'host-1', 'gpu=yes', 'old-'], ['labelHost', 'host-1', { gpu: 'yes', old: null }]],
    [['host', 'zone', 'host-1', 'room-a'], ['setZone', 'host-1', 'room-a']],
    [['host', 'zone', 'host-1', '--none'], ['setZone', 'host-1', null]],
    [['workload', 'label', 'db-1', 'app=db', 'tier-'], ['labelWorkload', 'db-1', { app: 'db', tier: null }]],
    [['workload', 'adopt', 'host-1', 'db-9', '--label', 'app=db'], ['adopt', { host: 'host-1', name: 'db-9', isProtected: false, priority: 0, drainPolicy: null, labels: { app: 'db' } }]],
    [['workload', 'set-desired', 'db-1', 'disabled'], ['setDesired', 'db-1', 'disabled', false]],
    [['workload', 'manage', 'db-1', '--host', 'host-1'], ['manage', 'db-1', { host: 'host-1', desired: null }]],
    [['workload', 'unmanage', 'db-1'], ['unmanage', 'db-1']],
    [['workload', 'lock', 'db-1', '--reason', 'backup'], ['lock', 'db-1', 'backup']],
    [['workload', 'unlock', 'db-1'], ['unlock', 'db-1']],
    [['workload', 'set-policy', 'db-1', '--max-restarts', '3', '--failback', 'off', '--start-after', 'db-2'], ['setPolicies', 'db-1', { maxRestarts: 3, failback: false, startAfter: ['db-2'] }]],
    [['workload', 'set-policy', 'db-1', '--no-order'], ['setPolicies', 'db-1', { startAfter: [] }]],
    [['host', 'undrain', 'host-1'], ['undrain', 'host-1']],
    [['host', 'undrain', 'host-1', '--return'], ['beginPlan', { kind: 'return', hosts: ['host-1'] }]],
    [['plan', 'balance', '--apply'], ['beginPlan', { kind: 'balance', hosts: [] }]],
    [['plan', 'return', 'host-1', 'host-2', '--apply'], ['beginPlan', { kind: 'return', hosts: ['host-1', 'host-2'] }]],
    [['host', 'release', 'host-1'], ['release', 'host-1']],
    [['disarm', '--reason', 'switches', '--mode', 'ignore', '--for', '60'], ['disarm', { mode: 'ignore', reason: 'switches', forS: 60 }]],
  ])('%j', async (argv, [command, ...args]) => {
    expect(await reeve(argv)).toMatchObject({ code: 0, err: '' });
    const [name, _actor, ...given] = fake.asked.at(-1) ?? [];
    expect([name, ...given]).toEqual([command, ...args]);
  });

  it('shows plans, of the control plane or of a file, and begins none by looking', async () => {
    const live = await reeve(['plan', 'loss', 'host-1', 'host-2']);
    expect(live).toMatchObject({ code: 0, err: '' });
    expect(live.out).toMatch(/^Loss of host-1, host-2: nothing starts\n[^]*Stays down\n[^]* {2}db-1 +no host may take it[^]*BEFORE +AFTER/);
    const { moves, unplaced, before, after } = JSON.parse((await reeve(['plan', 'drain', 'host-1', '--json'])).out) as PlanDocument;
    expect([Array.isArray(moves), unplaced.length > 0, before.hosts.length, after.hosts.length]).toEqual([true, true, 4, 4]);
    expect((await reeve(['host', 'drain', 'host-2', '--dry-run'])).out).toMatch(/web-1 +host-1 +none \(live\)/);
    expect(await reeve(['plan', 'loss', 'host-9'])).toMatchObject({ code: 1, err: expect.stringContaining('no host is named host-9') as string });
    expect(fake.asked).toEqual([]);
    const file = join(dir, 'cluster.yaml');
    writeFileSync(file, (await reeve(['cluster', 'export'])).out);
    const nobody = { env: { REEVE_SERVER: 'unix:/nowhere', REEVE_TOKEN: '' } };
    expect(await reeve(['plan', 'loss', 'host-1', '--input', file], nobody)).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^Loss of host-1: /) as string });
    expect(await reeve(['plan', 'loss', 'host-9', '--input', file], nobody)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/cluster.yaml: no host is named host-9\n$/) as string });
    expect(await reeve(['plan', 'balance', '--input', file, '--apply'], nobody)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--apply') as string });
    writeFileSync(file, 'hosts: [{ name: h, cpus: 0 }]');
    expect(await reeve(['plan', 'balance', '--input', file, '--json'], nobody)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('hosts[0].cpus') as string });
  });

  it('shows the room for failure: what would stay down, the tightest loss, and what would mend it', async () => {
    const { code, out } = await reeve(['cluster', 'capacity']);
    expect(code).toBe(0);
    expect(out).toContain('Room for failure (n+1): there is NO ROOM for the loss of any one host: 1 of 2 would leave something down');
    expect(out).toMatch(/tightest: host-1\n {2}what would mend it: what stands in the way of db-1: host-2: host-2 is in maintenance; host-4: host-4 is silent\n/);
    expect(out).toMatch(/not counted as lost, nor as there: host-4 \(silent or being fenced\)/);
    expect(out).toMatch(/host-1 +0 +2 .*1 workload not protected/);
    expect(JSON.parse((await reeve(['cluster', 'capacity', '--mode', 'zone', '--json'])).out)).toMatchObject({ mode: 'zone', isOk: false });
    expect((await reeve(['cluster', 'capacity', '--mode', 'n+9'])).err).toContain('n+1, n+2, zone');
  });

  it('counts how many more fit, and says what keeps one more from it', async () => {
    const { code, out } = await reeve(['cluster', 'fit', '--memory', '1024', '--vcpus', '1', '--mode', 'off']);
    expect([code, out]).toEqual([0, expect.stringMatching(/^\d+ of 1.0 GiB and 1 vCPU fit\n {2}no host may take it: /)]);
    expect(JSON.parse((await reeve(['cluster', 'fit', '--like', 'db-1', '--most', '1', '--json'])).out)).toMatchObject({ like: 'db-1', mode: 'n+1', most: 1, count: expect.any(Number) as number });
    expect(await reeve(['cluster', 'fit'])).toMatchObject({ code: 2, err: expect.stringContaining('either the size of one') as string });
    expect((await reeve(['cluster', 'fit', '--memory', 'much'])).err).toContain('a whole number');
    expect((await reeve(['cluster', 'fit', '--like', 'nobody'])).err).toContain('nobody');
  });

  it('exports the cluster as a file that the simulator takes', async () => {
    const { code, out } = await reeve(['cluster', 'export']);
    const parsed = parseScenario(out);
    expect([code, parsed.ok ? parsed.value.hosts.map(({ name }) => name) : parsed.error]).toEqual([0, fake.state.view.hosts.filter((host) => host.condition !== 'enrolling').map(({ name }) => name).sort()]);
    expect(out).toMatch(/^# The cluster as it was[^]*\nworkloads:\n {2}- \{ name: db-1, kind: vm, host: host-1, [^\n]*\}\n/);
    expect(parseScenario((await reeve(['cluster', 'export', '--json'])).out)).toEqual(parsed);
  });

  it('shows rules and what breaks them, also where a workload is explained', async () => {
    expect((await reeve(['rule', 'list'])).out).toContain('reeve rule add');
    const [a, b] = fake.state.view.workloads;
    fake.state.view = { ...fake.state.view, rules: [{ name: 'databases', type: 'keep-apart', hard: true, workloads: [a!.id, b!.id] }] };
    expect((await reeve(['rule', 'list'])).out).toMatch(/databases +keep-apart +hard +keep-apart: db-1, db-2 +db-1 on host-1, db-2 on host-1/);
    fake.state.view = { ...fake.state.view, rules: [{ name: 'zones', type: 'keep-apart', hard: true, per: 'zone', workloads: [a!.id, b!.id], selector: { named: [a!.id], labels: { app: 'db' } } }] };
    expect((await reeve(['rule', 'list'])).out).toMatch(/zones +keep-apart +hard +keep-apart per zone: db-1, app=db \(db-2\) +db-1 on host-1, db-2 on host-1/);
    expect((await reeve(['workload', 'explain', 'db-2'])).out).toContain('keep-apart per zone: db-1, app=db (db-2)');
    expect((await reeve(['host', 'list'])).out).not.toContain('ZONE');
    fake.state.view = { ...fake.state.view, hosts: fake.state.view.hosts.map((one) => (one.name === 'host-1' ? { ...one, zone: 'room-a', labels: { gpu: 'yes' } } : one)) };
    expect((await reeve(['host', 'list'])).out).toMatch(/NAME +STATE +ZONE +ADDRESS[^]*host-1 +\w+ +room-a +10\./);
    expect((await reeve(['host', 'show', 'host-1'])).out).toMatch(/zone +room-a\n +labels +gpu=yes/);
    expect(await reeve(['host', 'zone', 'host-1'])).toMatchObject({ code: 2, err: expect.stringContaining('--none') as string });
    expect(await reeve(['workload', 'label', 'db-1', 'app'])).toMatchObject({ code: 2, err: expect.stringContaining('"app" is not key=value') as string });
    expect(await reeve(['workload', 'label', 'db-1', 'a b=c'])).toMatchObject({ code: expect.any(Number) as number, err: expect.stringMatching(/a key of up to 63|Invalid key/) as string });
    expect((await reeve(['rule', 'add', 'r', '--type', 'hosts', '--host', ':']))).toMatchObject({ code: 2, err: expect.stringContaining('HOST:PRIORITY') as string });
  });
});

describe('alerts', () => {
  it('are listed by target, with what waits and what is wrong, also in the status', async () => {
    const { code, out } = await reeve(['alert', 'list']);
    expect(code).toBe(0);
    expect(out).toMatch(/NAME +TO +LEAST +TYPES +LAST SUCCESS +WAITING +STATE\nops +webhook https:\/\/hooks.example +warning +all +.* 0 +ok\npager +webhook https:\/\/pager.example +alert +host\.\* +never +2 since .* +3 failures since .*: https:\/\/pager.example answered 500/);
    expect((await reeve(['status'])).out).toMatch(/alert +pager +alerts do not arrive \(3 tries, 2 wait\): https:\/\/pager.example answered 500 +→ reeve alert test pager/);
    fake.state.alertTargets = [];
    expect((await reeve(['alert', 'list'])).out).toContain('docs/alerts.md');
  });

  it('are tested: each target’s answer, and a failure when one fails', async () => {
    expect(await reeve(['alert', 'test'])).toMatchObject({ code: 1, out: expect.stringMatching(/ok +ops +12 ms +webhook https:\/\/hooks.example\n +fail +pager +3 ms +https:\/\/pager.example answered 500/) as string });
    expect((await reeve(['alert', 'test', 'ops'])).code).toBe(0);
    expect(fake.asked.map(([name, , target]) => [name, target])).toEqual([['testAlerts', null], ['testAlerts', 'ops']]);
    expect((await reeve(['__names', 'targets'])).out).toBe('ops\npager\n');
  });

  it('that were skipped can be read', async () => {
    const events = (await reeve(['events', '--after', '1', '--json'])).out.trim().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(events).toEqual([2, 3]);
  });
});

describe('one of several clusters', () => {
  let staging: FakeApi;
  beforeEach(async () => {
    await api.close();
    staging = fakeApi('staging');
    fake = fakeApi('lab', [staging]);
    staging.state.view = { ...staging.state.view, hosts: staging.state.view.hosts.slice(0, 1) };
    api = await startApi(fake.ports, { listen: listen(), log: () => undefined });
  });

  it('is spoken to by --cluster, before or behind the command, or REEVE_CLUSTER', async () => {
    for (const said of [await reeve(['--cluster', 'staging', 'host', 'list', '--json']), await reeve(['host', 'list', '--json', '--cluster', 'staging']), await reeve(['host', 'list', '--json'], { env: { REEVE_CLUSTER: 'staging' } })]) expect(JSON.parse(said.out)).toHaveLength(1);
    expect(JSON.parse((await reeve(['host', 'list', '--json', '--cluster', 'lab'], { env: { REEVE_CLUSTER: 'staging' } })).out)).toHaveLength(4);
    expect((await reeve(['--cluster', 'staging', 'status'])).out).toContain('Cluster staging');
    // With a body, which is read before the handler is called.
    expect((await reeve(['--cluster', 'staging', 'workload', 'lock', 'db-1', '--reason', 'backup'])).code).toBe(0);
    expect([staging.asked.map(([name]) => name), fake.asked]).toEqual([['lock'], []]);
  });

  it('that is not there is a clear refusal', async () => {
    expect(await reeve(['--cluster', 'prod', 'workload', 'lock', 'db-1', '--reason', ''])).toMatchObject({ code: 1, err: 'reeve: there is no cluster prod; there are lab, staging\n  try: reeve cluster list\n' });
    expect(await reeve(['status'], { env: { REEVE_CLUSTER: 'prod', REEVE_TOKEN: 'wrong' } })).toMatchObject({ code: 4, err: expect.stringContaining('token') as string });
  });

  it('is listed beside the others', async () => {
    const { out } = await reeve(['cluster', 'list']);
    expect(out).toMatch(/NAME +HOSTS +WORKLOADS +QUORUM +LEADER +AUTOMATION +HELD\nlab \(default\) +4 +6 +yes +control +armed +1\nstaging +1 +6 +yes +control +armed +1/);
    expect(JSON.parse((await reeve(['cluster', 'list', '--json'])).out)).toMatchObject([{ name: 'lab', isDefault: true }, { name: 'staging', isDefault: false }]);
  });

  it('has its names completed', async () => {
    expect((await reeve(['__names', 'clusters'])).out).toBe('lab\nstaging\n');
    expect((await reeve(['__names', 'hosts', '--cluster', 'staging'])).out).toBe('host-1\n');
  });

  it('has its own stream of events', async () => {
    staging.events.push({ ...staging.events[0]!, seq: 4, message: 'of staging' });
    let heard = '';
    const following = reeve(['events', '--follow', '--last', '1', '--json', '--cluster', 'staging'], { heard: (text) => {
      heard += text;
      // Nothing else ends it.
      if (text.includes('again')) throw new CliError(EXIT.failed, 'seen');
    } });
    const seen = async (what: string): Promise<void> => {
      for (let tries = 0; tries < 500 && !heard.includes(what); tries += 1) await new Promise((done) => setTimeout(done, 10));
      expect(heard).toContain(what);
    };
    await seen('of staging');
    fake.events.push({ ...fake.events[0]!, seq: 5, message: 'of lab' });
    fake.tell();
    staging.events.push({ ...staging.events[0]!, seq: 6, message: 'of staging again' });
    staging.tell();
    expect((await following).code).toBe(EXIT.failed);
    expect(heard).toContain('of staging again');
    expect(heard).not.toContain('of lab');
  });
});

describe('completion in bash', () => {
  async function completed(...words: readonly string[]): Promise<string> {
    const { out } = await reeve(['completion', 'bash']);
    // The names come from this stand-in for the program, as they would from the program itself.
    const script = `${out}
reeve() { [ "$1" = __names ] && echo "some-$2\${4:+-of-$4}"; }
COMP_WORDS=(${['reeve', ...words].map((word) => `"${word}"`).join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _reeve; echo "\${COMPREPLY[*]}"`;
    return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim();
  }

  it.each([
    [['ho'], 'host'],
    [['host', 'dra'], 'drain'],
    [['host', 'drain', ''], 'some-hosts'],
    [['--json', 'workload', 'explain', ''], 'some-workloads'],
    [['--cluster', 'staging', 'workload', 'explain', ''], 'some-workloads-of-staging'],
    [['--cluster', ''], 'some-clusters'],
    [['workload', 'migrate', 'vm-1', '--to', ''], 'some-hosts'],
    [['workload', 'migrate', '--to', 'host-2', ''], 'some-workloads'],
    [['operation', 'cancel', ''], 'some-operations'],
    [['alert', 'test', ''], 'some-targets'],
    [['workload', 'migrate', 'vm-1', '--ba'], '--bandwidth'],
    [['completion', 'f'], 'fish'],
  ])('of %j', async (words, expected) => {
    expect(await completed(...words)).toContain(expected);
  });

  it('asks for names in the way that the program gives them', async () => {
    expect((await reeve(['__names', 'hosts'])).out).toBe('host-1\nhost-2\nhost-3\nhost-4\n');
    expect((await reeve(['__names', 'workloads'])).out).toContain('db-1\n');
    expect(await reeve(['__names', 'hosts'], { env: { REEVE_TOKEN: 'wrong' } })).toEqual({ code: 0, out: '', err: '' });
  });
});
