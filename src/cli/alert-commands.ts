// reeve alert …
import type { Command } from 'commander';
import type { AlertTargetDocument, AlertTestDocument } from '../api/documents.js';
import { count, moment, table, type Style } from './format.js';
import { EXIT } from './http-client.js';
import type { Wiring } from './options.js';

const NONE = 'alerts go nowhere; name targets under `alerts` in the configuration, see docs/alerts.md';

export function addAlertCommands(program: Command, { run }: Wiring): void {
  const alert = program.command('alert').description('where alerts go, and whether they arrive');
  alert
    .command('list')
    .description('all targets: what each was sent, what waits, what is wrong')
    .action(run(async (context) => {
      const { items } = await context.client.get<{ items: readonly AlertTargetDocument[] }>('/alerts');
      context.show(items, (all) => (all.length === 0 ? NONE : showTargets(all, context.style, Date.now())));
    }));
  alert
    .command('test')
    .argument('[target]', 'its name; without it every target')
    .description('send a test alert now, and show what each target answers')
    .action(run(async (context, [target = '']) => {
      const { items } = await context.client.post<{ items: readonly AlertTestDocument[] }>('/alerts/test', target === '' ? {} : { target });
      context.show(items, (all) => (all.length === 0 ? NONE : table(all.map((one) => [one.ok ? context.style.green('ok') : context.style.red('fail'), one.target, `${one.tookMs} ms`, one.why ?? one.to]))));
      if (items.some((one) => !one.ok)) context.exitCode = EXIT.failed;
    }));
}

function showTargets(targets: readonly AlertTargetDocument[], style: Style, nowMs: number): string {
  const rows = targets.map((one) => [
    one.name, one.to, one.least, one.types?.join(', ') ?? 'all',
    one.lastSuccessAtMs === null ? style.yellow('never') : moment(one.lastSuccessAtMs, nowMs),
    waiting(one, nowMs),
    one.failure === null ? (one.lastSuccessAtMs === null ? style.yellow('untried') : style.green('ok')) : style.red(`${count(one.failure.attempts, 'failure')} since ${moment(one.failure.sinceMs, nowMs)}, again ${moment(one.failure.nextAtMs, nowMs)}: ${one.failure.why}`),
  ]);
  return table([['NAME', 'TO', 'LEAST', 'TYPES', 'LAST SUCCESS', 'WAITING', 'STATE'], ...rows], '');
}

function waiting({ waiting: number, moreWait, oldestWaitingAtMs }: AlertTargetDocument, nowMs: number): string {
  return `${number}${moreWait ? '+' : ''}${oldestWaitingAtMs === null ? '' : ` since ${moment(oldestWaitingAtMs, nowMs)}`}`;
}
