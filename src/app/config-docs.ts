// docs/configuration.md, made from the schema, so that it can't say anything else.
import { MOST_CLUSTERS, OF_A_CLUSTER } from './config-clusters.js';
import { SECTIONS, SETTINGS, type Setting } from './config-settings.js';

const HEAD = `# Configuration

One file, in YAML or JSON: \`--config FILE\`, else \`REEVE_CONFIG\`, else \`./reeve.yaml\` if it is there. Without any file
the defaults hold. Each setting can also be given as an environment variable, which wins over the file; lists are separated by commas. An empty
variable counts as not given. Relative paths start at the working directory.

The configuration is checked at the start: an unknown setting or a bad value ends the program with one line that names it, and exit code 2.

Secrets need not be written into the file or the environment: each has a setting whose name ends in \`File\`.

\`\`\`yaml
clusterName: production
stateDir: /var/lib/reeve
witness:
  listen: [10.0.0.5, 10.1.0.5]   # one per heartbeat network
database:
  url: postgres://reeve@db.example/reeve
  passwordFile: /run/secrets/db_password
queue:
  redisUrl: redis://queue.example:6379
\`\`\`

The arguments of the program are \`--config FILE\` and \`--roles LIST\`.
`;

const CLUSTERS = `## clusters

One control plane runs up to ${MOST_CLUSTERS} clusters: the first one, called \`clusterName\`, and those named here. Each has its own hosts, voters, leader, brakes and rules; nothing of one acts on another.

\`\`\`yaml
clusterName: production
witness: { listen: [10.0.0.5, 10.1.0.5] }
clusters:
  staging:
    witness: { listen: [10.0.0.5:7491, 10.1.0.5:7491] }   # its own ports
    recovery: { maxSilentShare: 0.7 }
\`\`\`

A name is like \`clusterName\`. A cluster may set ${OF_A_CLUSTER.map((one) => `\`${one}\``).join(', ')}; each setting that it does not name is as in the rest of the
file, or in its variable. \`witness.listen\` must be its own: two clusters can't listen on one port. Its hosts and all about them are kept under its name: one that is
renamed is another one, and empty. \`reeve --cluster NAME …\` speaks to it.

A replica takes up to 31 connections to Postgres, its queue's included, so that three replicas find room in the usual 100; from 13 clusters on it is 2 more for each.
`;

export function configurationDocs(): string {
  const general = SETTINGS.filter((one) => !one.path.includes('.'));
  const parts = SECTIONS.map(({ name, doc }) => section(name, doc, SETTINGS.filter((one) => one.path.startsWith(`${name}.`))));
  return [HEAD, section('General', '', general), ...parts, CLUSTERS, '<!-- Made from src/app/config-schema.ts: npx vitest run --project unit src/app/config-docs.test.ts -u -->\n'].join('\n');
}

function section(name: string, doc: string, settings: readonly Setting[]): string {
  const rows = settings.map((one) => `| \`${one.path}\` | ${meaning(one)} | ${fallback(one)} | ${variables(one)} |`);
  return [`## ${name}`, '', ...(doc ? [doc, ''] : []), '| Setting | Meaning | Default | Variable |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function meaning({ meta }: Setting): string {
  return `${meta.doc} It must be ${meta.right.replaceAll('|', '\\|')}.`;
}

function fallback({ fallback: value, meta }: Setting): string {
  return value === undefined ? (meta.otherwise ?? 'none') : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function variables({ variable, meta }: Setting): string {
  return [variable, ...(meta.alias ? [meta.alias] : [])].map((name) => `\`${name}\``).join(' or ');
}
