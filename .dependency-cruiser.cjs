// The layers, as rules: who may import whom, and why. Run by `npm run check`.

const PURE_FOLDERS = ['shared', 'hosts', 'workloads', 'scheduler', 'scheduler/rules', 'scheduler/packing', 'fencing', 'migration', 'cluster', 'cluster/rules'];
const PURE_FILE = `^src/(${PURE_FOLDERS.join('|')})/[^/]+\\.ts$`;
/** Tests and their fixtures may do more than what they test. */
const TESTS = '\\.(test|fixture)\\.ts$';

/** The domain, lowest first: each may import those before it. */
const DOMAIN = ['shared', 'hosts', 'workloads', 'scheduler', 'fencing', 'migration', 'cluster'];

/** What touches the world, one level down or in a folder of its own. They implement ports and know each other not. */
const ADAPTERS = ['src/store/', 'src/jobs/', 'src/agent/', 'src/hosts/drivers/', 'src/fencing/devices/', 'src/notifiers/', 'src/planner/', 'src/sim/'];
const ANY_ADAPTER = `^(${ADAPTERS.join('|')})`;

const domainRules = DOMAIN.map((folder, rank) => ({
  name: `layer-${folder}`,
  severity: 'error',
  comment: `${folder}/ may import only ${DOMAIN.slice(0, rank).join(', ') || 'nothing'} and itself: what is decided above it must not be needed to understand it. Move the shared part down, or take it as a parameter or port.`,
  from: { path: `^src/${folder}/`, pathNot: [ANY_ADAPTER, TESTS] },
  to: { path: '^(src|migrations|lab|test|bench)/', pathNot: [`^src/(${DOMAIN.slice(0, rank + 1).join('|')})/(?!drivers/|devices/)`] },
}));

const adapterRules = ADAPTERS.map((folder) => ({
  name: `adapter-${folder.slice(4, -1).replaceAll('/', '-')}`,
  severity: 'error',
  comment: `${folder} may import the domain and itself, not another adapter: each can then be replaced, or simulated, alone. What two adapters need belongs into the domain, behind a port, or into app/ which composes them.`,
  from: { path: `^${folder}`, pathNot: TESTS },
  to: { path: ANY_ADAPTER, pathNot: [`^${folder}`, ...(ALLOWED_BETWEEN()[folder] ?? [])] },
}));

/** Sideways imports that are meant, each with its reason. */
function ALLOWED_BETWEEN() {
  return {
    // The tables' migrations are applied by the store.
    'src/store/': ['^migrations/'],
    // The simulated hypervisor takes the same definitions as the real one: one reader for both. It is a pure function.
    // And the simulated hosts run the real agent and the real witness, whose files reach the world through ports alone (udp/, proc/ and watchdog/ do not).
    'src/sim/': ['^src/hosts/drivers/libvirt/domain-needs\\.ts$', '^src/agent/[^/]+\\.ts$'],
  };
}

/** npm packages that only one place may know, so that it can be replaced there. */
const HOMES = [
  ['nest', '^(@nestjs/|rxjs|reflect-metadata)', '^src/(api|app)/|^src/main\\.ts$', 'Nest stays at the edge (api/ and app/): the domain must run and be tested without it.'],
  ['typeorm', '^typeorm', '^src/store/|^migrations/', 'TypeORM is known to store/ and migrations/ only: rows end there, the domain sees plain types.'],
  ['pg', '^(pg|pg-[a-z-]+)$', '^src/(store|jobs)/', 'pg is known to store/ (and to jobs/, whose queue can live in Postgres) only; ask through the ClusterStore port.'],
  ['bullmq', '^(bullmq|ioredis)', '^src/jobs/', 'The queue is known to jobs/ only: it carries ids, and everybody else reads the operation from the store.'],
];

const homeRules = HOMES.map(([name, packages, homes, comment]) => ({
  name: `only-home-${name}`,
  severity: 'error',
  comment,
  from: { path: '^(src|migrations)/', pathNot: [homes, TESTS] },
  to: { path: `(^|node_modules/)${packages.replace('^', '')}` },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that import each other can only be understood, loaded and moved together. Move what both need into a third file. (Imports of types alone do not count: they are gone at run time.)',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-no-builtins',
      severity: 'error',
      comment: 'Files directly in a domain folder are pure: no clock, no randomness, no I/O, no node: module. Move this one level down, into a folder named for what it touches, behind a port.',
      from: { path: PURE_FILE, pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-no-packages',
      severity: 'error',
      comment: 'Files directly in a domain folder import no npm package (types excepted): the domain must not change when a package does.',
      from: { path: PURE_FILE, pathNot: TESTS },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    ...domainRules,
    ...adapterRules,
    ...homeRules,
    {
      name: 'layer-adapters-below-app',
      severity: 'error',
      comment: 'Adapters are composed by app/ and shown by api/ and cli/, never the other way round.',
      from: { path: ANY_ADAPTER, pathNot: TESTS },
      to: { path: '^src/(api|cli|app|main\\.ts)' },
    },
    {
      name: 'layer-api-cli-below-app',
      severity: 'error',
      comment: 'api/ and cli/ are put together in app/ and get what they need as ports; they do not reach for it, nor for each other.',
      from: { path: '^src/(api|cli)/', pathNot: TESTS },
      to: { path: '^src/(app/|main\\.ts)' },
    },
    {
      name: 'layer-cli-over-http',
      severity: 'error',
      comment: 'The CLI speaks to the control plane over HTTP, like anybody: what it can do, everybody can do. It does not reach into the store, the queue, hosts or the server.',
      from: { path: '^src/cli/', pathNot: TESTS },
      // The documents' types are the API's contract: knowing their shape is not reaching in.
      to: { path: `^src/(api|store|jobs|notifiers|agent|planner)/|^src/(hosts/drivers|fencing/devices)/`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'layer-api-without-adapters',
      severity: 'error',
      comment: 'Controllers ask the domain through ports; which database or queue stands behind them is known to app/ only.',
      from: { path: '^src/api/', pathNot: TESTS },
      to: { path: ANY_ADAPTER },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      comment: 'Entry points start the program when they are loaded; move what you need into a file of its own.',
      from: {},
      to: { path: '^src/(main|cli/main|agent/main|planner/main)\\.ts$' },
    },
    {
      name: 'product-without-lab-or-tests',
      severity: 'error',
      comment: 'The product must run where lab/, test/ and bench/ are not shipped.',
      from: { path: '^(src|migrations)/', pathNot: TESTS },
      to: { path: '^(lab|test|bench|scripts)/' },
    },
    {
      name: 'no-tests-from-code',
      severity: 'error',
      comment: 'Code must not depend on its tests or their fixtures; move what both need into a file of its own.',
      from: { pathNot: [TESTS, '^test/'] },
      to: { path: TESTS },
    },
    {
      name: 'no-unlisted-packages',
      severity: 'error',
      comment: 'The package is not in package.json: it is here by accident of another package and will be gone one day. Add it, or do without. (Types alone may be taken from it: the type check notices when they go.)',
      from: { path: '^(src|migrations|lab|bench)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-dev-packages-in-product',
      severity: 'error',
      comment: 'The product is installed without devDependencies; this import would fail there.',
      from: { path: '^(src|migrations)/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Nothing is found under this path.',
      from: { path: '^(src|migrations|lab|bench|test)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'require', 'default'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
    moduleSystems: ['es6', 'cjs'],
    skipAnalysisNotInRules: true,
    reporterOptions: { text: { highlightFocused: false } },
  },
};
