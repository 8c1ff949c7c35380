// The files that make the agent run on a host: where they lie, its systemd units, and a supervisor for hosts without systemd.

import { LONGEST_LEAVE_MS } from '../../host-agent.js';

import { AGENT_CONFIG_FILE } from '../../host-agent.js';

export const AGENT_FILES = {
  bundle: '/usr/lib/reeve/agent.cjs',
  start: '/usr/lib/reeve/agent-start',
  config: AGENT_CONFIG_FILE,
  unit: '/etc/systemd/system/reeve-agent.service',
  leaveUnit: '/etc/systemd/system/reeve-leave.service',
  pid: '/run/reeve/agent.pid',
} as const;

/** Prints the id of the cluster whose agent is installed, or nothing. We write one field a line. */
export const INSTALLED_CLUSTER = `sed -n 's/^[[:space:]]*"clusterId":[[:space:]]*"\\([^"]*\\)".*/\\1/p' ${AGENT_CONFIG_FILE} 2>/dev/null | head -n1`;

/** What stops the containers of LXD (a snap, or Debian's package) and Incus when the host goes down. Those that are not there are ordered after nothing. */
const CONTAINER_UNITS = 'snap.lxd.daemon.service snap.lxd.daemon.unix.socket lxd-containers.service lxd.service lxd.socket incus-startup.service incus.service incus.socket';

export function agentUnit(node: string): string {
  return `[Unit]
Description=Reeve agent: heartbeats of this host
Documentation=man:reeve(1)
After=network-online.target
# Stopped after the guests and containers are: its good-bye says that none is left.
Before=libvirt-guests.service ${CONTAINER_UNITS}
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${node} ${AGENT_FILES.bundle} --config ${AGENT_FILES.config}
Restart=always
# Its workloads run on under the lease that it wrote down, for two seconds or so: it must be back before.
RestartSec=100ms
TimeoutStopSec=20
Nice=-10
RuntimeDirectory=reeve
RuntimeDirectoryMode=0755
# Results of migrations lie there too, and must outlive a restart of the agent.
RuntimeDirectoryPreserve=yes
# The last to be killed when memory runs out: without it the host looks dead.
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
`;
}

/** Above the longest wait, so that the command ends by itself. */
const LEAVE_STOP_S = LONGEST_LEAVE_MS / 1_000 + 60;

/** Does nothing but be stopped: by systemd, when the host goes down, before all that the moving of workloads needs. */
export function leaveUnit(node: string): string {
  return `[Unit]
Description=Reeve: workloads move away before this host goes down
Documentation=man:reeve(1)
# What it comes after is stopped after it: the agent, guests and what stops them, libvirt, SSH (also for those who are not root), network.
After=reeve-agent.service
After=libvirt-guests.service virt-guest-shutdown.target libvirtd.service libvirtd.socket virtqemud.service virtqemud.socket
After=${CONTAINER_UNITS}
After=ssh.service ssh.socket sshd.service systemd-user-sessions.service network.target network-online.target
# libvirt stops its guests after this target; where libvirt-guests is not in use, nothing else would have it active.
Wants=virt-guest-shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStop=${node} ${AGENT_FILES.bundle} leave --config ${AGENT_FILES.config}
TimeoutStopSec=${LEAVE_STOP_S}
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
`;
}

/** For hosts without systemd: `agent-start [start|stop|restart]`. Returns at once; run it at boot. */
export function agentStartScript(node: string): string {
  return `#!/bin/sh
# Starts the Reeve agent and keeps it running, where there is no systemd: agent-start [start|stop|restart]
umask 022
run=/run/reeve
log=/var/log/reeve-agent.log
mkdir -p "$run" /var/log

supervise() { # holds the lock (descriptor 9) as long as it lives; the agent does not inherit it
  echo $$ > "$run/agent-supervisor.pid"
  agent=
  trap 'trap "" TERM; [ -z "$agent" ] || kill -TERM "$agent" 2>/dev/null; wait; exit 0' TERM INT
  pause_ms=100
  while :; do
    began=$(date +%s)
    [ "$(stat -c %s "$log" 2>/dev/null || echo 0)" -lt 4000000 ] || mv -f "$log" "$log.1"
    ${node} ${AGENT_FILES.bundle} --config ${AGENT_FILES.config} 9>&- < /dev/null >> "$log" 2>&1 &
    agent=$!
    wait "$agent"
    # Back-off: 0.1, 0.4, 1.6 … 30 s while it dies at once; 0.1 s again after it ran for a while. Its workloads run on
    # under the lease that it wrote down, for two seconds or so: it must be back before.
    if [ $(( $(date +%s) - began )) -ge 10 ]; then pause_ms=100; fi
    sleep "$(( pause_ms / 1000 )).$(printf %03d $(( pause_ms % 1000 )))" 9>&- & wait $!
    pause_ms=$(( pause_ms * 4 ))
    [ "$pause_ms" -le 30000 ] || pause_ms=30000
  done
}

stop() {
  read -r supervisor 2>/dev/null < "$run/agent-supervisor.pid" || return 0
  kill -TERM "$supervisor" 2>/dev/null || return 0
  tries=0
  while kill -0 "$supervisor" 2>/dev/null; do
    tries=$(( tries + 1 ))
    if [ "$tries" -ge 300 ]; then # 15 s: it does not listen
      read -r agent 2>/dev/null < ${AGENT_FILES.pid} && kill -KILL "$agent" 2>/dev/null
      kill -KILL "$supervisor" 2>/dev/null
      return 0
    fi
    sleep 0.05
  done
}

start() {
  setsid "$0" supervise < /dev/null > /dev/null 2>&1 &
}

action=start
[ $# -eq 0 ] || action=$1
case $action in
  supervise)
    exec 9>> "$run/agent-supervisor.lock"
    flock -n 9 || exit 0
    supervise ;;
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  *) echo "usage: agent-start [start|stop|restart]" >&2; exit 64 ;;
esac
`;
}
