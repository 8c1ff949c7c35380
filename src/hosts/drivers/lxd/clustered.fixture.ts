// What LXD 5.0.2 has said as one of three members of a cluster, recorded; shortened where nothing reads it.
import { INVENTORY } from './recorded.fixture.js';
import { SECTION_MARK } from './sections.js';

const member = (name: string, status: string, message: string): string => `	{
		"architecture": "x86_64",
		"database": true,
		"failure_domain": "default",
		"groups": [
			"default"
		],
		"message": "${message}",
		"roles": [
			"database"
		],
		"server_name": "${name}",
		"status": "${status}",
		"url": "https://10.66.0.11:8443"
	}`;
export const WELL = ['Online', 'Fully operational'] as const;
/** After its leader was killed: of members that live, itself included, for some seconds. */
export const AWAY = ['Offline', 'No heartbeat for 11.302431s (2026-11-26 16:15:49 +0000 UTC)'] as const;

export const membersJson = (states: Readonly<Record<string, readonly [string, string]>>): string => `[\n${Object.entries(states).map(([name, [status, message]]) => member(name, status, message)).join(',\n')}\n]`;
export const ALL_WELL = membersJson({ 'host-1': WELL, 'host-2': WELL, 'host-3': WELL });

export interface Said {
  readonly before?: string;
  readonly after?: string;
  /** Names of the containers that have a monitor. */
  readonly monitors?: string;
  /** Of the two instances of the recorded list: p2_c1, which is stopped, and c1, which runs. */
  readonly locations?: readonly [string, string];
  /** One more, at the end of the list. */
  readonly stub?: string;
}

/** The answer of the member host-1. */
export function clusteredInventory({ before = ALL_WELL, after = ALL_WELL, monitors = 'c1\n', locations = ['host-2', 'host-1'], stub }: Said = {}): string {
  return withStub(INVENTORY, stub).replace('"server_clustered": false', '"server_clustered": true')
    .replace('"location": "none"', `"location": "${locations[0]}"`)
    .replace('"location": "none"', `"location": "${locations[1]}"`)
    .replace(`${SECTION_MARK}instances`, `${SECTION_MARK}monitors\n${monitors}${SECTION_MARK}members\n${before}\n${SECTION_MARK}instances`)
    .replace(`${SECTION_MARK}end`, `${SECTION_MARK}members-after\n${after}\n${SECTION_MARK}end`);
}

const withStub = (inventory: string, stub: string | undefined): string => (stub === undefined ? inventory : inventory.replace(/\n\]\n(@@reeve-section (?:endings|end)\b)/, `,\n${stub}\n]\n$1`));

/** Of an instance on a member that is offline. */
export const STUB = `	{
		"architecture": "",
		"config": null,
		"created_at": "0001-01-01T00:00:00Z",
		"description": "",
		"devices": null,
		"ephemeral": false,
		"last_used_at": "0001-01-01T00:00:00Z",
		"location": "host-3",
		"name": "web",
		"profiles": null,
		"project": "default",
		"stateful": false,
		"status": "Error",
		"status_code": 112,
		"type": ""
	}`;
