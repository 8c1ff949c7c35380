// reeve cluster …
import { Option, type Command } from 'commander';
import type { ClusterDocument } from '../api/documents.js';
import type { CpuBaseline, HostCpu } from '../hosts/cpu-baseline.js';
import { count, table, type Style } from './format.js';
import { whole, type Wiring } from './options.js';
import type { FitDocument } from '../cluster/fit.js';
import type { FailureRoom } from '../scheduler/failure-room.js';
import { scenarioFile } from './scenario-file.js';
import { showCapacity } from './show-capacity.js';
import { showFit } from './show-fit.js';

export function addClusterCommands(program: Command, { run }: Wiring): void {
  const cluster = program.command('cluster').description('a cluster as a whole');
  cluster
    .command('list')
    .description('all clusters of this control plane; `reeve --cluster NAME …` speaks to one')
    .action(run(async (context) => {
      const { items } = await context.client.get<{ items: readonly ClusterDocument[] }>('/clusters');
      context.show(items, (clusters) => showClusters(clusters, context.style));
    }));
  cluster
    .command('capacity')
    .description('room for failure: what would stay down if a host died, and what would mend it')
    .addOption(new Option('--mode <mode>', 'any one host, any two, or any one zone (default: as the policy asks, or n+1)').choices(['n+1', 'n+2', 'zone']))
    .action(run(async (context, _names, options) => {
      const asked = options['mode'] === undefined ? '' : `?mode=${encodeURIComponent(String(options['mode']))}`;
      context.show(await context.client.get<FailureRoom>(`/cluster/capacity${asked}`), (room) => showCapacity(room, context.style));
    }));
  cluster
    .command('fit')
    .description('how many more of one size fit, with room for failure kept')
    .option('--memory <MiB>', 'of one', whole)
    .option('--vcpus <n>', 'of one (default: 1)', whole)
    .option('--like <workload>', 'instead: one has what this workload needs')
    .addOption(new Option('--mode <mode>', 'which losses must leave room (default: as the policy asks, or n+1)').choices(['off', 'n+1', 'n+2', 'zone']))
    .option('--most <n>', 'it is enough to know that so many fit (default: 1000)', whole)
    .action(run(async (context, _names, options) => {
      const asked = [['memoryMiB', options['memory']], ['vcpus', options['vcpus']], ['like', options['like']], ['mode', options['mode']], ['most', options['most']]] as const;
      const query = asked.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
      context.show(await context.client.get<FitDocument>(`/cluster/fit?${query}`), (found) => showFit(found, context.style));
    }));
  cluster
    .command('export')
    .description('the cluster as it is now, as a scenario file: add to its timeline what you want to know about, and give it to `reeve simulate`')
    .action(run(async (context) => context.show(await context.client.get<object>('/cluster/scenario'), scenarioFile)));
  cluster
    .command('cpu-baseline')
    .alias('cpu')
    .description('the newest CPU model and the features that all hosts have which are online, and which host keeps a VM from more')
    .action(run(async (context) => {
      const { items } = await context.client.get<{ items: readonly CpuBaseline[] }>('/cluster/cpu-baseline');
      context.show(items, (baselines) => showCpuBaselines(baselines, context.style));
    }));
}

const HOW_TO = 'a VM with this model, or with these features, can run on each of the hosts: <cpu mode=\'custom\' match=\'exact\'>';

export function showCpuBaselines(baselines: readonly CpuBaseline[], style: Style): string {
  if (baselines.length === 0) return 'no host with libvirt is online';
  return baselines.map(({ architecture, model, flags, hosts }) => {
    const rows = hosts.map((one) => [one.host, one.model, one.accelerator, one.isUnknown ? 'not known yet' : `${one.beyond} more`, whatItKeeps(one)]);
    const head = `${style.bold(architecture)}: ${model ?? 'no model that all have'}, ${count(flags.length, 'feature')} on all of ${count(hosts.length, 'host')}`;
    return `${head}\n${flags.length === 0 ? '' : `${style.dim(`  ${flags.join(' ')}`)}\n`}${table([['HOST', 'ITS OWN', 'BY', 'FEATURES', 'KEEPS ALL FROM'], ...rows])}`;
  }).join('\n\n') + `\n${style.dim(HOW_TO)}`;
}

function whatItKeeps({ lacksAlone, keepsFrom }: HostCpu): string {
  const model = keepsFrom === null ? [] : [`model ${keepsFrom}`];
  return [...model, ...(lacksAlone.length === 0 ? [] : [lacksAlone.join(' ')])].join('; ') || '-';
}

function showClusters(clusters: readonly ClusterDocument[], style: Style): string {
  const rows = clusters.map((one) => [
    one.isDefault ? `${one.name} (default)` : one.name,
    String(one.hosts), String(one.workloads),
    one.hosts === 0 ? '-' : one.quorum ? style.green('yes') : style.red('NO'),
    one.leader.epoch === null ? style.yellow('another, or none') : one.leader.replica,
    one.disarm === null ? 'armed' : style.red(`DISARMED by ${one.disarm.by}`),
    String(one.holds),
  ]);
  return table([['NAME', 'HOSTS', 'WORKLOADS', 'QUORUM', 'LEADER', 'AUTOMATION', 'HELD'], ...rows], '');
}
