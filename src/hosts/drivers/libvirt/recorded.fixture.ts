// Answers of real hosts, as recorded (libvirt 11.3, QEMU 10.0; long lists shortened), for the tests of what reads them.

/** Two domains, one of them transient and with a blank in its name; one set to autostart; a stopped one; one paused by a person. */
export const INVENTORY = `11111111-2222-4333-8444-000000000001 g1
11111111-2222-4333-8444-00000000009a tr an
11111111-2222-4333-8444-000000000003 g3
11111111-2222-4333-8444-000000000004 it's @ home
reeve-section:persistent.11111111-2222-4333-8444-000000000001
11111111-2222-4333-8444-000000000003
11111111-2222-4333-8444-000000000004
reeve-section:autostart.11111111-2222-4333-8444-000000000003
reeve-section:stats.Domain: 'tr an'
  state.state=1
  state.reason=1
  balloon.current=16384
  balloon.maximum=16384
  balloon.rss=45000
  vcpu.current=1
  vcpu.maximum=1
  vcpu.0.state=1
  vcpu.0.time=140000000
  vcpu.0.wait=0
  vcpu.0.delay=116851559

Domain: 'g1'
  state.state=1
  state.reason=2
  balloon.current=16384
  balloon.maximum=16384
  balloon.rss=45020
  vcpu.current=1
  vcpu.maximum=1
  vcpu.0.state=1
  vcpu.0.time=130000000

Domain: 'g3'
  state.state=5
  state.reason=2
  balloon.current=24576
  balloon.maximum=24576
  vcpu.current=1
  vcpu.maximum=2

Domain: 'it's @ home'
  state.state=3
  state.reason=1
  balloon.current=16384
  balloon.maximum=16384
  vcpu.current=1
  vcpu.maximum=1
reeve-section:end.`;

export const EMPTY_INVENTORY = 'reeve-section:persistent.reeve-section:autostart.reeve-section:stats.reeve-section:end.';

/** The destination in its first moment, and while memory arrives: transient until it runs. */
export const INCOMING = (reason: 2 | 11): string => `11111111-2222-4333-8444-000000000001 g1
reeve-section:persistent.reeve-section:autostart.reeve-section:stats.Domain: 'g1'
  state.state=3
  state.reason=${reason}
  balloon.current=16384
  balloon.maximum=16384
  vcpu.current=1
  vcpu.maximum=1
reeve-section:end.`;

export const JOB_NONE = { code: 0, stdout: 'Job type: 0\n\n', stderr: '' };
export const JOB_AT_DESTINATION = { code: 1, stdout: '', stderr: 'error: Operation not supported: migration statistics are available only on the source host\n' };
export const JOB_UNKNOWN_DOMAIN = { code: 1, stdout: '', stderr: "error: failed to get domain 'g1'\n" };

export const JOB_STARTING = {
  code: 0,
  stderr: '',
  stdout: `Job type: 2

operation: 5
time_elapsed: 302
data_total: 0
data_processed: 0
data_remaining: 0
memory_total: 0
memory_processed: 0
memory_remaining: 0
memory_dirty_rate: 0
memory_iteration: 0
memory_postcopy_requests: 0
disk_total: 0
disk_processed: 0
disk_remaining: 0
`,
};

export const JOB_RUNNING = {
  code: 0,
  stderr: '',
  stdout: `Job type: 2

operation: 5
time_elapsed: 928
downtime: 77
setup_time: 1
data_total: 17309696
data_processed: 133575
data_remaining: 16261120
memory_total: 17309696
memory_processed: 133575
memory_remaining: 16261120
memory_constant: 224
memory_normal: 32
memory_normal_bytes: 131072
memory_dirty_rate: 0
memory_iteration: 1
memory_postcopy_requests: 0
memory_page_size: 4096
disk_total: 0
disk_processed: 0
disk_remaining: 0
`,
};

export const JOB_COMPLETED = {
  code: 0,
  stderr: '',
  stdout: `Job type: 3

operation: 4
time_elapsed: 1244
time_elapsed_net: 1238
downtime: 24
downtime_net: 18
setup_time: 1
data_total: 17309696
data_processed: 676572
data_remaining: 0
memory_total: 17309696
memory_processed: 676572
memory_remaining: 0
memory_bps: 2168500
memory_iteration: 3
`,
};

/** A host without KVM on which a plain file stands in place of the device. */
export const FACTS = `@@reeve-section plain
hostname host-1
kernel 6.18.44
architecture x86_64
cpus 2
boot f6f29614-1d8d-487a-b8c8-c4820a62220d
machine 000000000000000000000000abc00001
kvm yes
MemTotal: 24684096
MemAvailable: 23966960
Hugepagesize: 2048
hugepages 1048576 0 0 0 0
hugepages 2048 0 0 0 0
ksm 0 4096
bridge virbr0
bridge br0
@@reeve-section version
Compiled against library: libvirt 11.3.0
Using library: libvirt 11.3.0
Using API: QEMU 11.3.0
Running hypervisor: QEMU 10.0.2
@@reeve-section capabilities
<capabilities>

  <host>
    <uuid>00000001-aaaa-4bbb-8ccc-000000000001</uuid>
    <cpu>
      <arch>x86_64</arch>
      <model>kvm64-v1</model>
      <vendor>AMD</vendor>
      <microcode version='16777317'/>
      <topology sockets='1' dies='1' clusters='1' cores='2' threads='1'/>
    </cpu>
  </host>

  <guest>
    <os_type>hvm</os_type>
    <arch name='x86_64'>
      <wordsize>64</wordsize>
      <emulator>/usr/bin/qemu-system-x86_64</emulator>
      <machine maxCpus='255'>pc-i440fx-10.0</machine>
      <domain type='qemu'/>
    </arch>
  </guest>

</capabilities>

@@reeve-section domcapabilities
<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <domain>qemu</domain>
  <machine>pc-i440fx-10.0</machine>
  <arch>x86_64</arch>
  <cpu>
    <mode name='host-passthrough' supported='no'/>
    <mode name='host-model' supported='yes'>
      <model fallback='forbid'>EPYC</model>
    </mode>
    <mode name='custom' supported='yes'>
      <model usable='yes' vendor='unknown' canonical='486-v1'>486</model>
      <model usable='no' vendor='Intel' canonical='Broadwell-v1'>Broadwell</model>
      <blockers model='Broadwell'>
        <feature name='hle'/>
      </blockers>
      <model usable='yes' vendor='AMD'>qemu64</model>
    </mode>
  </cpu>
</domainCapabilities>

@@reeve-section cpu-of-host
<cpu mode='custom' match='exact'>
  <model fallback='allow'>EPYC</model>
  <vendor>AMD</vendor>
  <feature policy='require' name='aes'/>
  <feature policy='require' name='apic'/>
  <feature policy='require' name='avx2'/>
  <feature policy='require' name='avx512f'/>
  <feature policy='require' name='hypervisor'/>
  <feature policy='require' name='invtsc'/>
  <feature policy='require' name='lm'/>
  <feature policy='disable' name='monitor'/>
  <feature policy='require' name='nx'/>
  <feature policy='disable' name='svm'/>
</cpu>

@@reeve-section cpu-of-guests
<cpu mode='custom' match='exact'>
  <model fallback='forbid'>EPYC</model>
  <vendor>AMD</vendor>
  <feature policy='require' name='3dnow'/>
  <feature policy='require' name='aes'/>
  <feature policy='require' name='apic'/>
  <feature policy='require' name='avx2'/>
  <feature policy='require' name='lm'/>
  <feature policy='require' name='nx'/>
  <feature policy='disable' name='topoext'/>
</cpu>

@@reeve-section pool
marker 
<pool type='dir'>
  <name>local</name>
  <capacity unit='bytes'>12638515200</capacity>
  <allocation unit='bytes'>8192</allocation>
  <available unit='bytes'>12638507008</available>
  <source>
  </source>
  <target>
    <path>/srv/local</path>
  </target>
</pool>
@@reeve-section pool
marker 7d7a3c1e
<pool type='dir'>
  <name>shared</name>
  <uuid>091512fd-0428-4942-9f16-608720fa3a8b</uuid>
  <capacity unit='bytes'>270553174016</capacity>
  <allocation unit='bytes'>24022929408</allocation>
  <available unit='bytes'>246530244608</available>
  <source>
  </source>
  <target>
    <path>/srv/shared</path>
  </target>
</pool>
@@reeve-section end
`;

/** virsh's own words, with the code that they mean. */
export const FAILURES: readonly (readonly [string, string])[] = [
  ['error: Failed to start domain \'g3\'\nerror: internal error: process exited while connecting to monitor: 2026-11-24T12:58:10.1Z qemu-system-x86_64: -blockdev {"driver":"file"}: Failed to get "write" lock\nIs another process using the image [/srv/shared/d.raw]?\n', 'locked'],
  ["error: Failed to start domain 'g3'\nerror: resource busy: Lockspace resource '4ac3' is locked\n", 'locked'],
  ["error: Domain is already active\n", 'already'],
  ["error: failed to get domain '11111111-2222-4333-8444-000000000099'\n", 'not-found'],
  ["error: Failed to define domain from /tmp/x\nerror: operation failed: domain 'g1' already exists with uuid 11111111-2222-4333-8444-000000000001\n", 'already'],
  ["error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory\n", 'unreachable'],
  ['error: Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainMigratePerform3Params)\n', 'busy'],
  ["error: Failed to start domain 'g3'\nerror: unsupported configuration: machine type 'pc-q35-99.0' does not support ACPI\n", 'unsupported'],
  ["error: Failed to resume domain 'g1'\nerror: Requested operation is not valid: domain is not running\n", 'failed'],
  ["error: Failed to start domain 'g3'\nerror: Cannot access storage file '/srv/shared/gone.raw': No such file or directory\n", 'failed'],
  ['', 'failed'],
];

/**
 * Counters of a host that runs VMs in hugepages: its /proc/meminfo as it is told in https://github.com/kubevirt/kubevirt/pull/4027 (64 pages of 2 MiB, 54 free, 7 of them
 * promised), in the lines of our script; pages of 1 GiB, and the counters of KSM, by the kernel's documentation (Documentation/admin-guide/mm).
 */
export const KERNEL_MEMORY = `MemTotal: 65841444
Hugepagesize: 2048
hugepages 2048 64 54 7 0
hugepages 1048576 10 2 0 2
ksm 262144 4096
`;
