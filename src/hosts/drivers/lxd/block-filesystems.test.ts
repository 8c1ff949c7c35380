// Superblocks as real btrfs wrote them.
import { describe, expect, it } from 'vitest';
import { parseFilesystems } from './block-filesystems.js';
import { parsePoolLook } from './pool-scripts.js';

const DIGITS = '5c36ef3e000000000000000000000000000000000000000000000000000000006b455302c1494b19b8e69a8843a4d00c000001000000000001000000000000005f42485266535f4d08000000000000000040d701000000000040500100000000000000000000000000000000000000000000802500000000008002000000000006000000000000000100000000000000';

describe('parseFilesystems', () => {
  it('reads UUID, generation, and what the device is called', () => {
    expect(parseFilesystems(`/dev/lun-a 629145600 ${DIGITS}\n/dev/sdb 629145600 ${DIGITS} 0x5000c500 WD-1\n`)).toEqual([
      { device: '/dev/lun-a', uuid: '6b455302-c149-4b19-b8e6-9a8843a4d00c', sizeBytes: 629_145_600, serial: null, generation: 8 },
      { device: '/dev/sdb', uuid: '6b455302-c149-4b19-b8e6-9a8843a4d00c', sizeBytes: 629_145_600, serial: '0x5000c500 WD-1', generation: 8 },
    ]);
  });

  it.each([
    ['over two devices', DIGITS.replace(/01(00){7}$/, '0200000000000000')],
    ['of another kind', DIGITS.replace('5f42485266535f4d', '0000000000000000')],
    ['that was cut short', DIGITS.slice(0, -2)],
    ['that could not be read', ''],
  ])('passes over one %s', (_name, digits) => expect(parseFilesystems(`/dev/sdb 1 ${digits}`)).toEqual([]));
});

describe('parsePoolLook', () => {
  it('reads what there is, and takes nothing that was cut short', () => {
    expect(parsePoolLook('name new\nmounted yes\nsource abc\nend yes\n')).toEqual({ name: 'new', isMounted: true, source: 'abc' });
    expect(parsePoolLook('name none\nend yes\n')).toEqual({ name: 'none', isMounted: false, source: null });
    expect(() => parsePoolLook('name new\n')).toThrow(/before its end/);
  });
});
