// Which part of a domain lies in hugepages, as libvirt's definitions say it.
import { describe, expect, it } from 'vitest';
import { needsOf } from './domain-needs.js';

const NUMA = "<cpu><numa><cell id='0' cpus='0' memory='2' unit='GiB'/><cell id='1' cpus='1' memory='1048576' unit='KiB'/><cell id='2' cpus='2' memory='1024' unit='MiB'/></numa></cpu>";
const hugepages = (inner: string, cpu = ''): unknown => needsOf(`<domain type='kvm'><memory unit='GiB'>4</memory>${inner === '' ? '' : `<memoryBacking>${inner}</memoryBacking>`}${cpu}</domain>`, []).hugepages;

describe('hugepages of a domain', () => {
  it.each<[string, string, string, unknown]>([
    ['nothing said', '', '', undefined],
    ['other backing', "<source type='memfd'/><access mode='shared'/>", '', undefined],
    ['the default size', '<hugepages/>', '', [{ sizeKiB: null, memoryMiB: 4096 }]],
    ['2 MiB', "<hugepages><page size='2048' unit='KiB'/></hugepages><locked/>", '', [{ sizeKiB: 2048, memoryMiB: 4096 }]],
    ['1 GiB', "<hugepages><page size='1' unit='G'/></hugepages>", '', [{ sizeKiB: 1_048_576, memoryMiB: 4096 }]],
    ['ordinary pages, by a page of their size', "<hugepages><page size='4' unit='KiB'/></hugepages>", '', undefined],
    ['one size for some nodes, another for the rest', "<hugepages><page size='1' unit='G' nodeset='1-2,^2'/><page size='2' unit='M'/></hugepages>", NUMA, [{ sizeKiB: 1_048_576, memoryMiB: 1024 }, { sizeKiB: 2048, memoryMiB: 3072 }]],
    ['some nodes only', "<hugepages><page size='2' unit='MiB' nodeset='0,2'/></hugepages>", NUMA, [{ sizeKiB: 2048, memoryMiB: 3072 }]],
    ['a node that it does not have', "<hugepages><page size='2' unit='MiB' nodeset='7'/></hugepages>", NUMA, undefined],
  ])('%s', (_name, inner, cpu, expected) => {
    expect(hugepages(inner, cpu)).toEqual(expected);
  });
});
