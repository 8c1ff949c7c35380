// What `reeve workload create --help` says about the specification. Its example is parsed by a test.

export const SPEC_EXAMPLE = `name: web-1
vcpus: 2
memoryMiB: 2048
disks:
  - pool: vms            # a storage pool of the hosts; shared, if it is to be recovered elsewhere
    sizeMiB: 20480
    format: qcow2        # or raw
    from: /srv/images/noble-server-cloudimg-amd64.img   # copied; without it the disk is empty
network:
  - bridge: br0          # mac: 52:54:00:12:34:56
cpuModel: host-model     # left out: what every host can run
cloudInit:
  userData: |
    #cloud-config
    ssh_authorized_keys: [ssh-ed25519 AAAA…]
`;

export const SPEC_NOTES = `
The specification:

${SPEC_EXAMPLE.replace(/^(?=.)/gm, '  ')}
Also: machine (default q35), and kernel, initrd and commandLine to boot a kernel of the host's instead of the disk.`;
