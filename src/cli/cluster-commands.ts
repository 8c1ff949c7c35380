// reeve cluster …
import type { Command } from 'commander';
import type { ClusterDocument } from '../api/documents.js';
import { table, type Style } from './format.js';
import type { Wiring } from './options.js';

export function addClusterCommands(program: Command, { run }: Wiring): void {
  program
    .command('cluster')
    .description('clusters of this control plane')
    .command('list')
    .description('all of them; `reeve --cluster NAME …` speaks to one')
    .action(run(async (context) => {
      const { items } = await context.client.get<{ items: readonly ClusterDocument[] }>('/clusters');
      context.show(items, (clusters) => showClusters(clusters, context.style));
    }));
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
