// What `reeve workload create --help` says about the specification. Its examples are parsed by a test.

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

export const CONTAINER_EXAMPLE = `kind: container
name: web-2
image: noble             # alias or fingerprint, on the hosts; or from: web-1, a copy of that container where it is
vcpus: 2
memoryMiB: 1024
profiles: [default]
disk:                    # left out: as the profiles have it
  pool: default
  sizeMiB: 10240
network:                 # left out: as the profiles have it
  - bridge: br0          # or network: lxdbr0; mac: 00:16:3e:12:34:56
config:
  security.nesting: true
`;

export const SPEC_NOTES = `
The specification:

${SPEC_EXAMPLE.replace(/^(?=.)/gm, '  ')}
Also: machine (default q35), and kernel, initrd and commandLine to boot a kernel of the host's instead of the disk.

Of a container (of LXD; driver: incus for Incus):

${CONTAINER_EXAMPLE.replace(/^(?=.)/gm, '  ')}`;
