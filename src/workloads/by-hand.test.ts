// What a person is told to type is of the tool that runs the workload.
import { expect, it } from 'vitest';
import { byHand, listsBy } from './by-hand.js';

it('speaks the tongue of each driver', () => {
  const deeds = ['end', 'resume', 'autostart-off', 'rename', 'keep'] as const;
  expect(deeds.map((deed) => byHand(deed, 'libvirt', 'web'))).toEqual(['virsh destroy web', 'virsh resume web', 'virsh autostart --disable web', 'virsh domrename web NEW-NAME', 'virsh dumpxml web > web.xml && virsh define web.xml']);
  expect(deeds.map((deed) => byHand(deed, 'lxd', 'web'))).toEqual(['lxc stop --force web', 'lxc start web', 'lxc config set web boot.autostart=false', 'lxc rename web NEW-NAME', `lxc query -X PATCH /1.0/instances/web -d '{"ephemeral": false}'`]);
  expect(byHand('end', 'incus', 'web')).toBe('incus stop --force web');
  expect([listsBy(['libvirt', 'lxd']), listsBy(['incus'])]).toEqual(['virsh list --all; lxc list', 'incus list']);
});
