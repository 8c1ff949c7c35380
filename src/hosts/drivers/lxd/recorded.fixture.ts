// What LXD 5.0.2 has said, recorded on two hosts; shortened where nothing reads it.

/** One container that runs, one of the same name in another project, and a copy of the first on its way to the other host. */
export const INVENTORY = `@@reeve-section sizes
2
24684084
@@reeve-section server
{
	"api_extensions": [
		"storage_zfs_remove_snapshots",
		"container_host_shutdown_timeout"
	],
	"api_status": "stable",
	"api_version": "1.0",
	"auth": "trusted",
	"auth_methods": [
		"tls"
	],
	"config": {
		"core.https_address": "10.66.0.11:8443",
		"images.auto_update_interval": "0"
	},
	"environment": {
		"addresses": [
			"10.66.0.11:8443"
		],
		"architectures": [
			"x86_64",
			"i686"
		],
		"driver": "lxc",
		"server": "lxd",
		"server_clustered": false,
		"server_name": "host-1",
		"server_pid": 16968,
		"server_version": "5.0.2",
		"storage_supported_drivers": [
			{
				"Name": "btrfs",
				"Remote": false,
				"Version": "6.2"
			},
			{
				"Name": "dir",
				"Remote": false,
				"Version": "1"
			}
		]
	},
	"public": false
}
@@reeve-section instances
[
	{
		"architecture": "x86_64",
		"config": {
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "4ed3d7af-127d-4dd1-8bd8-0c22db6da140",
			"volatile.eth0.hwaddr": "00:16:3e:48:f8:e5",
			"volatile.last_state.power": "STOPPED",
			"volatile.uuid": "48bfc753-9427-471e-9b32-5d9aab833f42"
		},
		"created_at": "2026-11-26T09:44:52.838673618Z",
		"description": "",
		"devices": {},
		"ephemeral": false,
		"expanded_config": {
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "4ed3d7af-127d-4dd1-8bd8-0c22db6da140",
			"volatile.eth0.hwaddr": "00:16:3e:48:f8:e5",
			"volatile.last_state.power": "STOPPED",
			"volatile.uuid": "48bfc753-9427-471e-9b32-5d9aab833f42"
		},
		"expanded_devices": {
			"eth0": {
				"name": "eth0",
				"nictype": "bridged",
				"parent": "br0",
				"type": "nic"
			},
			"root": {
				"path": "/",
				"pool": "default",
				"type": "disk"
			}
		},
		"last_used_at": "2026-11-26T09:44:53.027047956Z",
		"location": "none",
		"name": "c1",
		"profiles": [
			"default"
		],
		"project": "p2",
		"stateful": false,
		"status": "Stopped",
		"status_code": 102,
		"type": "container"
	},
	{
		"architecture": "x86_64",
		"config": {
			"limits.cpu": "1",
			"limits.memory": "1GiB",
			"user.reeve.autostart": "true",
			"user.x": "1",
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "f45195c4-b291-4c36-b1e9-470d14ae31eb",
			"volatile.eth0.host_name": "veth950379ad",
			"volatile.eth0.hwaddr": "00:16:3e:f3:9e:fd",
			"volatile.last_state.power": "RUNNING",
			"volatile.uuid": "34214efd-0507-4b8d-8569-5306359cc488"
		},
		"created_at": "2026-11-26T09:38:50.307322596Z",
		"description": "",
		"devices": {},
		"ephemeral": false,
		"expanded_config": {
			"limits.cpu": "1",
			"limits.memory": "1GiB",
			"user.reeve.autostart": "true",
			"user.x": "1",
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "f45195c4-b291-4c36-b1e9-470d14ae31eb",
			"volatile.eth0.host_name": "veth950379ad",
			"volatile.eth0.hwaddr": "00:16:3e:f3:9e:fd",
			"volatile.last_state.power": "RUNNING",
			"volatile.uuid": "34214efd-0507-4b8d-8569-5306359cc488"
		},
		"expanded_devices": {
			"eth0": {
				"name": "eth0",
				"nictype": "bridged",
				"parent": "br0",
				"type": "nic"
			},
			"root": {
				"path": "/",
				"pool": "default",
				"type": "disk"
			}
		},
		"last_used_at": "2026-11-26T09:58:43.004784064Z",
		"location": "none",
		"name": "c1",
		"profiles": [
			"default"
		],
		"project": "default",
		"stateful": false,
		"status": "Running",
		"status_code": 103,
		"type": "container"
	}
]
@@reeve-section end
`;

/** On the other host: the replica of the first. */
export const INVENTORY_WITH_REPLICA = `@@reeve-section sizes
2
24684084
@@reeve-section server
{
	"api_extensions": [
		"storage_zfs_remove_snapshots",
		"container_host_shutdown_timeout"
	],
	"api_status": "stable",
	"api_version": "1.0",
	"auth": "trusted",
	"auth_methods": [
		"tls"
	],
	"config": {
		"core.https_address": "10.66.0.12:8443",
		"images.auto_update_interval": "0"
	},
	"environment": {
		"addresses": [
			"10.66.0.12:8443"
		],
		"architectures": [
			"x86_64",
			"i686"
		],
		"driver": "lxc",
		"server": "lxd",
		"server_clustered": false,
		"server_name": "host-2",
		"server_pid": 16968,
		"server_version": "5.0.2",
		"storage_supported_drivers": [
			{
				"Name": "dir",
				"Remote": false,
				"Version": "1"
			},
			{
				"Name": "btrfs",
				"Remote": false,
				"Version": "6.2"
			}
		]
	},
	"public": false
}
@@reeve-section instances
[
	{
		"architecture": "x86_64",
		"config": {
			"boot.autostart": "false",
			"limits.cpu": "1",
			"limits.memory": "1GiB",
			"user.reeve.autostart": "true",
			"user.reeve.copied": "1795687139122",
			"user.reeve.role": "replica",
			"user.x": "1",
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "f45195c4-b291-4c36-b1e9-470d14ae31eb",
			"volatile.eth0.host_name": "veth950379ad",
			"volatile.eth0.hwaddr": "00:16:3e:f3:9e:fd",
			"volatile.uuid": "34214efd-0507-4b8d-8569-5306359cc488"
		},
		"created_at": "2026-11-26T09:58:59.509544134Z",
		"description": "",
		"devices": {},
		"ephemeral": false,
		"expanded_config": {
			"boot.autostart": "false",
			"limits.cpu": "1",
			"limits.memory": "1GiB",
			"user.reeve.autostart": "true",
			"user.reeve.copied": "1795687139122",
			"user.reeve.role": "replica",
			"user.x": "1",
			"volatile.base_image": "5bf84b6fa2fc233bf7d1f6243cdad195195a729f3b0e989fc96734bcadce1090",
			"volatile.cloud-init.instance-id": "f45195c4-b291-4c36-b1e9-470d14ae31eb",
			"volatile.eth0.host_name": "veth950379ad",
			"volatile.eth0.hwaddr": "00:16:3e:f3:9e:fd",
			"volatile.uuid": "34214efd-0507-4b8d-8569-5306359cc488"
		},
		"expanded_devices": {
			"eth0": {
				"name": "eth0",
				"nictype": "bridged",
				"parent": "br0",
				"type": "nic"
			},
			"root": {
				"path": "/",
				"pool": "default",
				"type": "disk"
			}
		},
		"last_used_at": "1970-01-01T00:00:00Z",
		"location": "none",
		"name": "c1",
		"profiles": [
			"default"
		],
		"project": "default",
		"stateful": false,
		"status": "Stopped",
		"status_code": 102,
		"type": "container"
	}
]
@@reeve-section end
`;

export const DAEMON = `@@reeve-section server
{
	"api_extensions": [
		"storage_zfs_remove_snapshots",
		"container_host_shutdown_timeout"
	],
	"api_status": "stable",
	"api_version": "1.0",
	"auth": "trusted",
	"auth_methods": [
		"tls"
	],
	"config": {
		"core.https_address": "10.66.0.11:8443",
		"images.auto_update_interval": "0"
	},
	"environment": {
		"addresses": [
			"10.66.0.11:8443"
		],
		"architectures": [
			"x86_64",
			"i686"
		],
		"driver": "lxc",
		"server": "lxd",
		"server_clustered": false,
		"server_name": "host-1",
		"server_pid": 16968,
		"server_version": "5.0.2",
		"storage_supported_drivers": [
			{
				"Name": "btrfs",
				"Remote": false,
				"Version": "6.2"
			},
			{
				"Name": "dir",
				"Remote": false,
				"Version": "1"
			}
		]
	},
	"public": false
}
@@reeve-section pools
[
	{
		"config": {
			"rsync.compression": "false",
			"source": "/var/lib/lxd/storage-pools/default"
		},
		"description": "",
		"driver": "dir",
		"locations": [
			"none"
		],
		"name": "default",
		"status": "Created",
		"used_by": [
			"/1.0/instances/c1",
			"/1.0/instances/c1?project=p2",
			"/1.0/profiles/default"
		]
	}
]
@@reeve-section networks
[
	{
		"config": {
			"ipv4.address": "none",
			"ipv6.address": "none"
		},
		"description": "",
		"locations": [
			"none"
		],
		"managed": true,
		"name": "lxdbr7",
		"status": "Created",
		"type": "bridge",
		"used_by": null
	},
	{
		"config": {},
		"description": "",
		"locations": null,
		"managed": false,
		"name": "lo",
		"status": "",
		"type": "loopback",
		"used_by": []
	},
	{
		"config": {},
		"description": "",
		"locations": null,
		"managed": false,
		"name": "eth0",
		"status": "",
		"type": "unknown",
		"used_by": null
	},
	{
		"config": {},
		"description": "",
		"locations": null,
		"managed": false,
		"name": "eth1",
		"status": "",
		"type": "unknown",
		"used_by": null
	},
	{
		"config": {},
		"description": "",
		"locations": null,
		"managed": false,
		"name": "br0",
		"status": "",
		"type": "bridge",
		"used_by": [
			"/1.0/profiles/default",
			"/1.0/instances/c1",
			"/1.0/instances/c1?project=p2"
		]
	}
]
@@reeve-section profiles
[
	{
		"config": {},
		"description": "Default LXD profile",
		"devices": {
			"eth0": {
				"name": "eth0",
				"nictype": "bridged",
				"parent": "br0",
				"type": "nic"
			},
			"root": {
				"path": "/",
				"pool": "default",
				"type": "disk"
			}
		},
		"name": "default",
		"used_by": [
			"/1.0/instances/c1",
			"/1.0/instances/c1?project=p2"
		]
	}
]
@@reeve-section criu
@@reeve-section trusted
[]
@@reeve-section client
@@reeve-section remotes
@@reeve-section end
`;

/** While a copy goes on. */
export const OPERATIONS = `{
	"running": [
		{
			"class": "task",
			"created_at": "2026-11-26T09:58:59.526415913Z",
			"description": "Migrating instance",
			"err": "",
			"id": "07aa6b3a-78d2-4113-86da-59e8b4e523a6",
			"location": "none",
			"may_cancel": false,
			"metadata": null,
			"resources": {
				"containers": [
					"/1.0/containers/c1"
				],
				"instances": [
					"/1.0/instances/c1"
				]
			},
			"status": "Running",
			"status_code": 103,
			"updated_at": "2026-11-26T09:58:59.526415913Z"
		}
	]
}`;
