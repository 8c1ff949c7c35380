// The btrfs file systems on a host's block devices, read from their superblocks on the devices: udev's names of them can be older than what is written there.
import type { BlockFilesystem } from '../../host-facts.js';

/** A device that hangs must not take the whole look with it. */
const DEVICE_S = 3;

/** The first copy of the superblock lies at 64 KiB; what is read of it is in its first 144 bytes. */
const SUPERBLOCK_BYTES = 144;

/**
 * Shell. `superblock DEVICE` prints its beginning as hexadecimal digits, past the cache of this host: another one may have written it.
 * `filesystems` prints a line for each: device, size in bytes, digits, and what the device is called by itself.
 */
export const FILESYSTEM_FUNCTIONS = `superblock() { timeout ${DEVICE_S} dd if="$1" iflag=direct bs=4096 skip=16 count=1 2>/dev/null | od -A n -v -t x1 -N ${SUPERBLOCK_BYTES} | tr -d ' \\n'; }
filesystems() {
  for link in /dev/disk/by-uuid/*; do
    device=$(readlink -f "$link")
    [ -b "$device" ] || continue
    digits=$(superblock "$device")
    case $digits in *5f42485266535f4d*) echo "$device $(timeout ${DEVICE_S} blockdev --getsize64 "$device") $digits $(timeout ${DEVICE_S} lsblk -d -n -o WWN,SERIAL "$device" 2>/dev/null)" ;; esac
  done | sort -u
}`;

export interface SeenFilesystem extends BlockFilesystem {
  readonly device: string;
}

/** Those that lie on one device alone. */
export function parseFilesystems(output: string): readonly SeenFilesystem[] {
  return output.split('\n').flatMap((line) => {
    const [device = '', size = '', digits = '', ...serial] = line.trim().split(/\s+/);
    const read = readSuperblock(digits);
    if (read?.devices !== 1 || !/^\d+$/.test(size)) return [];
    return [{ device, uuid: read.uuid, sizeBytes: Number(size), serial: serial.join(' ') || null, generation: read.generation }];
  });
}

const MAGIC = '5f42485266535f4d';

function readSuperblock(digits: string): { readonly uuid: string; readonly generation: number; readonly devices: number } | null {
  const bytes = (from: number, count: number): string => digits.slice(2 * from, 2 * (from + count));
  if (digits.length !== 2 * SUPERBLOCK_BYTES || bytes(64, 8) !== MAGIC) return null;
  const id = bytes(32, 16);
  return { uuid: [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-'), generation: numberOf(bytes(72, 8)), devices: numberOf(bytes(136, 8)) };
}

/** Least byte first. */
function numberOf(digits: string): number {
  return Number.parseInt((digits.match(/../g) ?? []).reverse().join(''), 16);
}
