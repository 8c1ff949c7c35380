// The texts of the agent's .deb: control file, maintainer scripts, and the command `reeve-agent`.

export interface PackageFacts {
  readonly version: string;
  readonly installedKiB: number;
}

export function controlFile({ version, installedKiB }: PackageFacts): string {
  return `Package: reeve-agent
Version: ${version}
Architecture: all
Maintainer: Reeve developers <reeve@localhost>
Installed-Size: ${installedKiB}
Depends: nodejs (>= 18), util-linux, coreutils
Section: admin
Priority: optional
Description: agent of the Reeve cluster orchestrator
 Sends and receives the heartbeats of a host that runs workloads under Reeve,
 tells the control plane what runs there, and brings the guard that refuses
 commands from the past.
`;
}

/** Without a configuration it is only installed: the control plane brings that when the host is enrolled. */
export const POSTINST = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --quiet reeve-agent.service reeve-leave.service
  if [ -e /etc/reeve/agent.json ]; then
    systemctl restart reeve-agent.service
    systemctl start --no-block reeve-leave.service
  fi
fi
`;

/** An upgrade does not stop the agent: postinst restarts it, which costs a heartbeat or two. The workloads run on. */
export const PRERM = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now --quiet reeve-leave.service reeve-agent.service || :
fi
`;

/** A purge takes the guard's record too: the host then refuses everything until it is admitted anew. */
export const POSTRM = `#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf /etc/reeve/agent.json /var/lib/reeve
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload
`;

export const COMMAND = `#!/bin/sh
exec /usr/bin/node /usr/lib/reeve/agent.cjs "$@"
`;

/** Beside each unit: without a configuration there is nothing to start, and nothing to complain about each second. */
export const UNIT_CONDITION = `[Unit]
ConditionPathExists=/etc/reeve/agent.json
`;
