// Drivers of storage pools that every host with such a pool reaches alike.
export const REMOTE_DRIVERS: ReadonlySet<string> = new Set(['ceph', 'cephfs', 'cephobject', 'lvmcluster', 'powerflex', 'pure', 'linstor', 'truenas']);
