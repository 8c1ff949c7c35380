// The seed image is read back by the rules of ECMA-119, not by its own code.
import { describe, expect, it } from 'vitest';
import { defaultMetaData, seedImage } from './seed-image.js';

/** A reader of its own: descriptor → root directory → records. */
function readIso(image: Uint8Array): { label: string; sectors: number; files: Record<string, string> } {
  const view = new DataView(image.buffer);
  const text = (at: number, length: number): string => new TextDecoder().decode(image.subarray(at, at + length));
  const pvd = 16 * 2048;
  expect([image[pvd], text(pvd + 1, 5), image[pvd + 2048], text(pvd + 2049, 5)]).toEqual([1, 'CD001', 255, 'CD001']);
  const files: Record<string, string> = {};
  let at = view.getUint32(pvd + 156 + 2, true) * 2048;
  for (let length = image[at] ?? 0; length > 0; at += length, length = image[at] ?? 0) {
    const record = { sector: view.getUint32(at + 2, true), big: view.getUint32(at + 6, false), size: view.getUint32(at + 10, true), directory: image[at + 25] === 2, name: text(at + 33, image[at + 32] ?? 0) };
    expect(record.big).toBe(record.sector);
    if (!record.directory) files[record.name] = text(record.sector * 2048, record.size);
  }
  return { label: text(pvd + 40, 32).trimEnd(), sectors: view.getUint32(pvd + 80, true), files };
}

describe('the seed image', () => {
  it('holds both files under the label that cloud-init looks for', () => {
    const image = seedImage({ userData: '#cloud-config\nname: ü\n', metaData: defaultMetaData('u-1', 'vm-1') });
    expect(readIso(image)).toEqual({ label: 'cidata', sectors: image.length / 2048, files: { 'USER-DATA.;1': '#cloud-config\nname: ü\n', 'META-DATA.;1': 'instance-id: u-1\nlocal-hostname: vm-1\n' } });
  });
  it('holds files of any size, empty ones too', () => {
    for (const size of [0, 1, 2047, 2048, 2049, 100_000]) {
      const userData = 'x'.repeat(size);
      expect(readIso(seedImage({ userData, metaData: '' })).files).toEqual({ 'USER-DATA.;1': userData, 'META-DATA.;1': '' });
    }
  });
  it('is the same for the same input', () => {
    const once = (): Buffer => Buffer.from(seedImage({ userData: 'a', metaData: 'b' }));
    expect(once().equals(once())).toBe(true);
  });
});
