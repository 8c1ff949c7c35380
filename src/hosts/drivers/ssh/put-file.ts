// Writes a file on a host so that it is either the old or the new one, never half of it.
import { dirname } from 'node:path';
import { quote } from './shell-quote.js';
import type { SshConnection } from './ssh-connection.js';

export interface HostFile {
  readonly path: string;
  /** Octal, e.g. "600". */
  readonly mode: string;
  readonly content: string | Uint8Array;
}

const PUT_MS = 20_000;

export async function putFile(ssh: SshConnection, file: HostFile, timeoutMs: number = PUT_MS): Promise<void> {
  const fresh = quote(`${file.path}.new`);
  const bytes = typeof file.content === 'string' ? Buffer.byteLength(file.content) : file.content.byteLength;
  // The length is compared: when the connection breaks, the host sees an ordinary end of the input.
  const script = `umask 077; mkdir -p -m 755 ${quote(dirname(file.path))} && cat > ${fresh} &&
if [ "$(stat -c %s ${fresh})" != ${bytes} ]; then rm -f ${fresh}; echo "the file arrived incomplete" >&2; exit 1; fi &&
chmod ${quote(file.mode)} ${fresh} && sync ${fresh} && mv -f ${fresh} ${quote(file.path)}`;
  await ssh.run(script, { timeoutMs, input: file.content, what: `writing ${file.path}` });
}
