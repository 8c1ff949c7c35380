// What hearing a thousand hosts costs a control plane: real datagrams over loopback, at one a second each, with what each says of its peers.
// usage: npm run bench heartbeats [-- --hosts N] [--seconds N]
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { cpus } from 'node:os';
import { openUdp } from '../src/agent/udp/heartbeat-endpoint.js';
import { Witness } from '../src/agent/witness.js';
import { memberHash } from '../src/cluster/membership.js';
import { encodeMessage } from '../src/cluster/message-codec.js';
import { NO_PROMISES } from '../src/cluster/promises.js';
import { deriveTiming } from '../src/cluster/timing.js';
import { hash64, hexBytes } from '../src/cluster/wire.js';
import type { Host } from '../src/hosts/host.js';
import { systemClock, systemTimers } from '../src/shared/system/system-clock.js';
import { aHost } from '../test/fixtures/cluster.js';

const PER_CLUSTER = 63;
const PEERS_REPORTED = 10;
const BASE_PORT = 27_000;
const KEY = 'ab'.repeat(32);
const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac('sha256', key).update(data).digest();

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

/** The hosts: one process that sends each one's heartbeat once a second, spread over the second. */
function send({ hosts, seconds }: { readonly hosts: number; readonly seconds: number }): void {
  const socket = createSocket('udp4');
  let sequence = 0;
  const beat = (host: number): void => {
    const cluster = Math.floor(host / PER_CLUSTER);
    const hearing = Array.from({ length: PEERS_REPORTED }, (_, peer) => ({ member: memberHash(`h${cluster * PER_CLUSTER + ((host + peer + 1) % PER_CLUSTER)}`), ageMs: [100, 120] }));
    const bytes = encodeMessage({
      kind: 'heartbeat', cluster: hash64(`c${cluster}`), sender: hash64(`h${host}`), recipient: hash64('w'), role: 'host', link: 0, leaving: null, goingDown: null, blind: false,
      bootId: '00000000-0000-4000-8000-000000000001', startStamp: 1, sequence: (sequence += 1), monotonicMs: performance.now(), hostEpoch: 1, voterEpoch: 1, leaseHeld: true, enforcing: true, excludes: false,
      load1: 1, freeMemoryMiB: 1_000, ack: null, hearing,
    }, hexBytes(KEY), hmac);
    socket.send(bytes, BASE_PORT + cluster, '127.0.0.1');
  };
  const slices = 50;
  let slice = 0;
  const timer = setInterval(() => {
    for (let host = slice % slices; host < hosts; host += slices) beat(host);
    slice += 1;
    if (slice < (seconds + 5) * slices) return;
    clearInterval(timer);
    socket.close();
  }, 1_000 / slices);
}

async function main(): Promise<void> {
  const [hosts, seconds] = [option('hosts', 1_000), option('seconds', 20)];
  const timing = deriveTiming({ heartbeatMs: 1_000, silentMs: 5_000, watchdogMs: 5_000 });
  if (!timing.ok) throw new Error(timing.error.join());
  const clusters = Math.ceil(hosts / PER_CLUSTER);
  const witnesses = Array.from({ length: clusters }, (_, cluster) => {
    const witness = new Witness(
      { clusterId: `c${cluster}`, id: 'w', keyHex: KEY, bootId: '00000000-0000-4000-8000-0000000000ff', startStamp: Date.now(), listen: [{ address: '127.0.0.1', port: BASE_PORT + cluster }], timing: timing.value },
      { clock: systemClock, timers: systemTimers, openTransport: openUdp, promises: { load: () => NO_PROMISES, save: () => undefined }, log: () => undefined },
    );
    const members = Array.from({ length: Math.min(PER_CLUSTER, hosts - cluster * PER_CLUSTER) }, (_unused, index): Host => ({ ...aHost(`h${cluster * PER_CLUSTER + index}`, { agentKey: KEY, links: ['127.0.0.1'], heartbeatPort: 9 }), id: `h${cluster * PER_CLUSTER + index}` as never }));
    witness.setMembers(members);
    return witness;
  });
  for (const witness of witnesses) await witness.start();
  // A process of its own: what it costs to be a thousand hosts is not to be counted.
  const sender = spawn(process.execPath, [process.argv[1] ?? '', '--send', '--hosts', String(hosts), '--seconds', String(seconds)], { stdio: 'inherit' });
  await systemClock.sleep(3_000);
  const before = process.cpuUsage();
  const began = performance.now();
  await systemClock.sleep(seconds * 1_000);
  const used = process.cpuUsage(before);
  const wall = performance.now() - began;
  const heard = witnesses.flatMap((witness) => witness.verdict().hosts).filter((host) => host.evidence.startsWith('heard') || host.hearing !== 'unknown').length;
  const share = (used.user + used.system) / 1_000 / wall;
  process.stdout.write(`machine: ${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'})\n${hosts} hosts in ${clusters} clusters at 1 Hz, each reporting ${PEERS_REPORTED * 2} links: ${(share * 100).toFixed(1)} % of a core; ${heard} of ${hosts} heard\n`);
  sender.kill();
  process.exit(0);
}

if (process.argv.includes('--send')) send({ hosts: option('hosts', 1_000), seconds: option('seconds', 20) });
else await main();
