// The agent's package: what is in it, and that what is in it runs.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const RUN = { timeout: 60_000 };
const hasDpkg = existsSync('/usr/bin/dpkg-deb');

describe.runIf(hasDpkg)('the agent as a package', () => {
  let dir: string;
  let deb: string;
  let tree: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'reeve-deb-'));
    // A strict umask of whoever builds must not end up in the package.
    await run('sh', ['-c', `umask 077; exec "$0" "$@"`, process.execPath, join(root, 'scripts/build-agent-deb.mjs'), '--out', dir], RUN);
    deb = join(dir, (await readdir(dir)).find((name) => name.endsWith('.deb')) ?? 'none');
    tree = join(dir, 'tree');
    await run('dpkg-deb', ['-R', deb, tree], RUN);
  });

  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('needs only what Ubuntu Noble has', async () => {
    const { stdout } = await run('dpkg-deb', ['-f', deb, 'Package', 'Architecture', 'Depends'], RUN);
    expect(stdout).toBe('Package: reeve-agent\nArchitecture: all\nDepends: nodejs (>= 18), util-linux, coreutils\n');
  });

  it('belongs to root, and everybody may read it', async () => {
    const { stdout } = await run('dpkg-deb', ['-c', deb], RUN);
    const modes = new Map(stdout.trim().split('\n').map((line) => [line.split(/\s+/).at(-1), line.split(/\s+/).slice(0, 2).join(' ')]));
    expect(modes.get('./')).toBe('drwxr-xr-x root/root');
    expect(modes.get('./usr/lib/reeve/')).toBe('drwxr-xr-x root/root');
    expect(modes.get('./usr/lib/reeve/agent.cjs')).toBe('-rw-r--r-- root/root');
    expect(modes.get('./usr/lib/reeve/guard')).toBe('-rwxr-xr-x root/root');
    expect(modes.get('./usr/bin/reeve-agent')).toBe('-rwxr-xr-x root/root');
  });

  it('has scripts that a plain shell reads', async () => {
    for (const script of ['DEBIAN/postinst', 'DEBIAN/prerm', 'DEBIAN/postrm', 'usr/bin/reeve-agent', 'usr/lib/reeve/guard']) {
      await run('sh', ['-n', join(tree, script)], RUN);
    }
  });

  it('starts the very file that it brings', async () => {
    const unit = await readFile(join(tree, 'usr/lib/systemd/system/reeve-agent.service'), 'utf8');
    expect(unit).toContain('ExecStart=/usr/bin/node /usr/lib/reeve/agent.cjs --config /etc/reeve/agent.json');
    const bad = join(dir, 'agent.json');
    await writeFile(bad, '{}');
    const ended = await run(process.execPath, [join(tree, 'usr/lib/reeve/agent.cjs'), '--config', bad], RUN).catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: 2, stderr: `reeve-agent: ${bad}: clusterId must be a text that is not empty\n` });
  });

  it('has what waits when the host goes down, and arms it', async () => {
    const unit = await readFile(join(tree, 'usr/lib/systemd/system/reeve-leave.service'), 'utf8');
    expect(unit).toContain('ExecStop=/usr/bin/node /usr/lib/reeve/agent.cjs leave --config /etc/reeve/agent.json');
    expect(await readFile(join(tree, 'usr/lib/systemd/system/reeve-leave.service.d/configured.conf'), 'utf8')).toContain('ConditionPathExists=/etc/reeve/agent.json');
    for (const [script, line] of [['postinst', 'systemctl enable --quiet reeve-agent.service reeve-leave.service'], ['postinst', 'systemctl start --no-block reeve-leave.service'], ['prerm', 'systemctl disable --now --quiet reeve-leave.service reeve-agent.service']] as const) {
      expect(await readFile(join(tree, 'DEBIAN', script), 'utf8')).toContain(line);
    }
  });

  it('carries no library: Node alone runs it', async () => {
    const bundle = await readFile(join(tree, 'usr/lib/reeve/agent.cjs'), 'utf8');
    const needed = [...bundle.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
    expect(needed.length).toBeGreaterThan(0);
    expect(needed.filter((name) => !name?.startsWith('node:'))).toEqual([]);
  });
});
