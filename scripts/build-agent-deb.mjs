// Builds the agent's .deb with dpkg-deb: node scripts/build-agent-deb.mjs [--out DIR]
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BUNDLES, bundle } from './build.mjs';
import { ROOT, isMain, say } from './lib/say.mjs';

/** Packing some kilobytes. */
const PACK_MS = 60_000;

/** The texts live in TypeScript, each beside what it belongs to; this reads them without a build step of their own. */
async function texts(root) {
  const { build } = await import('esbuild');
  const contents = `
    export * from './src/agent/packaging/agent-package.ts';
    export { AGENT_FILES, agentUnit, leaveUnit } from './src/hosts/drivers/ssh/agent-files.ts';
    export { GUARD_PATH, GUARD_SCRIPT } from './src/hosts/drivers/ssh/guard-script.ts';`;
  const { outputFiles } = await build({ stdin: { contents, resolveDir: root, loader: 'ts' }, bundle: true, write: false, platform: 'node', format: 'esm', logLevel: 'warning' });
  return await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

async function agentBundle(root) {
  const agent = BUNDLES.find((one) => one.output === 'dist/agent.cjs');
  await bundle(agent, root);
  return readFileSync(join(root, agent.output));
}

/** Returns the path of the package. */
export async function buildAgentDeb(outDir, root = ROOT) {
  const text = await texts(root);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = [
    [text.AGENT_FILES.bundle, 0o644, await agentBundle(root)],
    [text.GUARD_PATH, 0o755, text.GUARD_SCRIPT],
    ['/usr/bin/reeve-agent', 0o755, text.COMMAND],
    ['/usr/lib/systemd/system/reeve-agent.service', 0o644, text.agentUnit('/usr/bin/node')],
    ['/usr/lib/systemd/system/reeve-agent.service.d/configured.conf', 0o644, text.UNIT_CONDITION],
    ['/usr/lib/systemd/system/reeve-leave.service', 0o644, text.leaveUnit('/usr/bin/node')],
    ['/usr/lib/systemd/system/reeve-leave.service.d/configured.conf', 0o644, text.UNIT_CONDITION],
    ['/usr/share/doc/reeve-agent/copyright', 0o644, 'License: Apache-2.0\n'],
    ['/DEBIAN/postinst', 0o755, text.POSTINST],
    ['/DEBIAN/prerm', 0o755, text.PRERM],
    ['/DEBIAN/postrm', 0o755, text.POSTRM],
  ];
  const tree = mkdtempSync(join(tmpdir(), 'reeve-agent-deb-'));
  try {
    for (const [path, mode, content] of files) put(tree, path, mode, content);
    const bytes = files.reduce((sum, [path]) => sum + statSync(join(tree, path)).size, 0);
    put(tree, '/DEBIAN/control', 0o644, text.controlFile({ version, installedKiB: Math.ceil(bytes / 1024) }));
    const deb = join(resolve(outDir), `reeve-agent_${version}_all.deb`);
    mkdirSync(dirname(deb), { recursive: true });
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { timeout: PACK_MS, stdio: ['ignore', 'ignore', 'inherit'] });
    return deb;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** Modes are set by chmod, because the builder's umask must not end up in the package. */
function put(tree, path, mode, content) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) chmodSync(join(tree, folder), 0o755);
  chmodSync(tree, 0o755);
  writeFileSync(join(tree, path), content);
  chmodSync(join(tree, path), mode);
}

if (isMain(import.meta.url)) {
  const at = process.argv.indexOf('--out');
  try {
    say(`built ${await buildAgentDeb(at > 0 ? process.argv[at + 1] : join(ROOT, 'dist'))}`);
  } catch (error) {
    say(error.code === 'ENOENT' ? 'the .deb needs dpkg-deb: apt-get install -y dpkg' : `the .deb was not built: ${error.message}`);
    process.exit(1);
  }
}
