// What LXD and Incus say of live moves. Virtual machines of theirs could not be run where this was written: those words are from the projects' own threads and documentation.

/** LXD 5.0.2 on two hosts without CRIU, a running container moved with `--mode push`; it runs on. Recorded here (test/e2e/trust.e2e.test.ts asks for it each time). */
export const NO_CRIU = "Error: Unable to perform container live migration. CRIU isn't installed on the destination server";
/** The same without `--mode push`. */
export const NO_CRIU_PULLED = "Error: Unable to perform container live migration. CRIU isn't installed on the source server";
/** LXD 5.0.2 with CRIU 3.17.1 (Debian 12), after it had copied the disk; rc 1, the container runs on. Recorded. */
export const DUMP_FAILED = `Error: Failed instance creation: Error transferring instance data: migration dump failed
(00.005370) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds
(00.005377) Error (criu/kerndat.c:1556): vdso: Could not initialize kernel features detection.`;
/** LXD 5.0.2 with a CRIU that ends with 1 at once; rc 1, the container runs on, nothing is left at the destination. Recorded (test/e2e/trust.e2e.test.ts). */
export const CRIU_FAILED = 'Error: Failed instance migration: migration failed 1';
/** The daemon's log for a virtual machine without the setting; the client may show a general error of its websocket instead. From https://github.com/canonical/lxd/issues/11948. */
export const NOT_STATEFUL = 'Error: Stateful migration requires migration.stateful to be set to true';
/** When the setting is changed while it runs. The words of LXD's sources (lxd/instance/drivers/driver_qemu.go, Update: keys that can not be changed live); not seen. */
export const NOT_WHILE_RUNNING = 'Error: Key "migration.stateful" cannot be updated when VM is running';
/** On a host without the module; recorded with LXD 5.0.2. */
export const NO_VMS = 'Error: Failed instance creation: Instance type "virtual-machine" is not supported on this server: vhost_vsock kernel module not loaded';

/**
 * Settings of a virtual machine that moves live, as the thread above and https://github.com/canonical/lxd/issues/12765 (profile `stateful-vm`) show them: `migration.stateful`, `size.state` of the
 * root disk. On a remote pool it is not asked for (https://github.com/canonical/lxd/pull/12821), by Incus nowhere (https://github.com/lxc/incus/issues/619).
 */
export const STATEFUL_VM = { config: { 'migration.stateful': 'true', 'limits.memory': '512MiB' }, root: { path: '/', pool: 'default', type: 'disk', 'size.state': '512MiB' } };
