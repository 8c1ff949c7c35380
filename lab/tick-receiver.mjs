// Runs in the control namespace: receives the guests' ticks and passes them on as lines, stamped with this machine's clock.
import { createSocket } from 'node:dgram';

const socket = createSocket({ type: 'udp4', reuseAddr: true });
const startedAt = performance.timeOrigin;
socket.on('message', (message) => process.stdout.write(`${(startedAt + performance.now()).toFixed(1)} ${message.toString('latin1')}\n`));
socket.on('error', (error) => {
  process.stderr.write(`ticks: ${error.message}\n`);
  process.exit(1);
});
socket.bind(9999, '10.66.0.254', () => process.stdout.write('ready\n'));

// Ends with whoever reads it.
process.stdout.on('error', () => process.exit(0));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
