// A stranger on the lab's networks: takes datagrams off the wire, and sends whatever it likes to whom it likes.
import type { Lab, LabHost } from './lab.js';
import { run } from './shell.js';

export interface Datagram {
  readonly address: string;
  readonly port: number;
  readonly hex: string;
}

/** Prints what passes a port of the fabric, once as many as asked are seen: the stranger's tap at the switch. */
const TAP = `
import json, socket, struct, sys
interface, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind((interface, 0))
tap.settimeout(20)
seen = []
while len(seen) < count:
    frame = tap.recv(65535)
    ip = frame[14:]
    if frame[12:14] != b'\\x08\\x00' or ip[9] != 17: continue
    udp = ip[(ip[0] & 15) * 4:]
    to, length = struct.unpack('!HH', udp[2:6])
    if to == port and ip[12:16] == socket.inet_aton(sys.argv[4]):
        seen.append({'address': socket.inet_ntoa(ip[16:20]), 'port': to, 'hex': udp[8:length].hex()})
print(json.dumps(seen))
`;

/** Sends the datagrams that it reads, all of them so many times, without a pause between them that would let others in. */
const SENDER = `
const socket = require('dgram').createSocket('udp4');
let text = '';
process.stdin.on('data', (chunk) => (text += chunk)).on('end', async () => {
  const { times, datagrams } = JSON.parse(text);
  for (let round = 0; round < times; round += 1) {
    for (const one of datagrams) await new Promise((sent) => socket.send(Buffer.from(one.hex, 'hex'), one.port, one.address, sent));
  }
  socket.close();
});`;

const TAP_MS = 30_000;
const SEND_MS = 60_000;

/** Heartbeats and whatever else a host sends to that UDP port of others on one of its networks, as they pass the switch. */
export async function recordSentBy(lab: Lab, host: LabHost, { port, count, link = 0 }: { readonly port: number; readonly count: number; readonly link?: 0 | 1 }): Promise<readonly Datagram[]> {
  const args = ['netns', 'exec', lab.fabNetns, 'python3', '-c', TAP, `h${host.index}l${link}`, String(port), String(count), host.links[link]];
  const { stdout } = await run('ip', args, { timeoutMs: TAP_MS });
  return JSON.parse(stdout) as readonly Datagram[];
}

/** From the control plane's machine, which is on both networks; the ports are nobody's. */
export async function sendAll(lab: Lab, datagrams: readonly Datagram[], times = 1): Promise<void> {
  await lab.execCtl([process.execPath, '-e', SENDER], { input: JSON.stringify({ times, datagrams }), timeoutMs: SEND_MS });
}
