// What the lab says of containers, where it is words alone.
import { describe, expect, it } from 'vitest';
import { containerConfig, parseHeartbeat } from './containers.js';

describe('a container of the lab', () => {
  it('is never started by LXD itself, and is told its address', () => {
    expect(containerConfig({ name: 'ct-1', index: 7 })).toEqual(['boot.autostart=false', 'environment.LAB_IP=10.66.0.107', 'environment.LAB_TICK=10.66.0.254']);
  });

  it('has the memory and the settings that it is given', () => {
    expect(containerConfig({ name: 'ct-1', index: 7, memoryMiB: 64, config: ['limits.cpu=1'] }).slice(3)).toEqual(['limits.memory=64MiB', 'limits.cpu=1']);
  });
});

describe('the count on a disk', () => {
  it('is read from what init wrote, and from nothing that it did not write whole', () => {
    expect(['HB ct-1 0a1b2c3d 201\0\0', 'HB ct-1 0a1b2c3d 20', '', '\0\0\0', 'XX ct-1 0a1b2c3d 201\0'].map(parseHeartbeat)).toEqual([201, null, null, null, null]);
  });
});
