// cloud-init's NoCloud seed as an ISO 9660 image, made here: the hosts need no tool for it, and the same input gives the same bytes.

const SECTOR = 2048;
const LITTLE_PATH_TABLE = 18;
const BIG_PATH_TABLE = 19;
const ROOT = 20;
const FIRST_FILE = 21;
/** A record of a directory itself, with a one-byte name. */
const SELF_RECORD = 34;
const PATH_TABLE_BYTES = 10;
/** As genisoimage pads: readers that read ahead, and some that look at 48 KiB before they judge, find no end too early. */
const PADDING_SECTORS = 150;

interface SeedFile {
  /** As ISO 9660 has it; Linux shows "USER-DATA.;1" as user-data. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sector: number;
}

/** The label that cloud-init looks for. */
const LABEL = 'cidata';

export function seedImage({ userData, metaData }: { readonly userData: string; readonly metaData: string }): Uint8Array {
  const files = placed([['META-DATA.;1', metaData], ['USER-DATA.;1', userData]]);
  const sectors = files.reduce((end, file) => Math.max(end, file.sector + sectorsOf(file.bytes.length)), FIRST_FILE) + PADDING_SECTORS;
  const image = new Uint8Array(sectors * SECTOR);
  image.set(primaryDescriptor(sectors), 16 * SECTOR);
  image.set(descriptorEnd(), 17 * SECTOR);
  image.set(pathTable(true), LITTLE_PATH_TABLE * SECTOR);
  image.set(pathTable(false), BIG_PATH_TABLE * SECTOR);
  image.set(rootDirectory(files), ROOT * SECTOR);
  for (const file of files) image.set(file.bytes, file.sector * SECTOR);
  return image;
}

/** What cloud-init needs at least: a new instance-id makes it run its first-boot work. */
export function defaultMetaData(uuid: string, name: string): string {
  return `instance-id: ${uuid}\nlocal-hostname: ${name}\n`;
}

const sectorsOf = (bytes: number): number => Math.ceil(bytes / SECTOR);

function placed(contents: readonly (readonly [string, string])[]): readonly SeedFile[] {
  let sector = FIRST_FILE;
  return contents.map(([name, content]) => {
    const file = { name, bytes: new TextEncoder().encode(content), sector };
    sector += sectorsOf(file.bytes.length);
    return file;
  });
}

/** ECMA-119 8.4: numbers stand in both byte orders. */
function primaryDescriptor(sectors: number): Uint8Array {
  const block = new Uint8Array(SECTOR);
  const view = new DataView(block.buffer);
  block[0] = 1;
  ascii(block, 1, 'CD001');
  block[6] = 1;
  ascii(block, 8, ''.padEnd(32));
  ascii(block, 40, LABEL.padEnd(32));
  both32(view, 80, sectors);
  both16(view, 120, 1);
  both16(view, 124, 1);
  both16(view, 128, SECTOR);
  both32(view, 132, PATH_TABLE_BYTES);
  view.setUint32(140, LITTLE_PATH_TABLE, true);
  view.setUint32(148, BIG_PATH_TABLE, false);
  block.set(directoryRecord({ id: new Uint8Array([0]), sector: ROOT, length: SECTOR, isDirectory: true }), 156);
  ascii(block, 190, ''.padEnd(623));
  for (const at of [813, 830, 847, 864]) ascii(block, at, '0000000000000000');
  block[881] = 1;
  return block;
}

function descriptorEnd(): Uint8Array {
  const block = new Uint8Array(SECTOR);
  block[0] = 255;
  ascii(block, 1, 'CD001');
  block[6] = 1;
  return block;
}

/** One directory: the root, which is its own parent. */
function pathTable(little: boolean): Uint8Array {
  const block = new Uint8Array(PATH_TABLE_BYTES);
  const view = new DataView(block.buffer);
  block[0] = 1;
  view.setUint32(2, ROOT, little);
  view.setUint16(6, 1, little);
  return block;
}

function rootDirectory(files: readonly SeedFile[]): Uint8Array {
  const block = new Uint8Array(SECTOR);
  let at = 0;
  const add = (record: Uint8Array): void => {
    block.set(record, at);
    at += record.length;
  };
  for (const id of [0, 1]) add(directoryRecord({ id: new Uint8Array([id]), sector: ROOT, length: SECTOR, isDirectory: true }));
  for (const file of files) add(directoryRecord({ id: new TextEncoder().encode(file.name), sector: file.sector, length: file.bytes.length, isDirectory: false }));
  return block;
}

interface DirectoryRecord {
  readonly id: Uint8Array;
  readonly sector: number;
  readonly length: number;
  readonly isDirectory: boolean;
}

/** ECMA-119 9.1. The time is fixed, so that the image depends on its content alone. */
function directoryRecord({ id, sector, length, isDirectory }: DirectoryRecord): Uint8Array {
  const size = SELF_RECORD - 1 + id.length + (id.length % 2 === 0 ? 1 : 0);
  const record = new Uint8Array(size);
  const view = new DataView(record.buffer);
  record[0] = size;
  both32(view, 2, sector);
  both32(view, 10, length);
  record.set([100, 1, 1, 0, 0, 0, 0], 18);
  record[25] = isDirectory ? 2 : 0;
  both16(view, 28, 1);
  record[32] = id.length;
  record.set(id, 33);
  return record;
}

function ascii(block: Uint8Array, at: number, text: string): void {
  block.set(new TextEncoder().encode(text), at);
}

function both16(view: DataView, at: number, value: number): void {
  view.setUint16(at, value, true);
  view.setUint16(at + 2, value, false);
}

function both32(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value, false);
}
