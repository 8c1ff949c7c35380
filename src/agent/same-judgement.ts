// Are two verdicts the same to whoever decides? Evidence and load change all the time and wake nobody.
import type { ClusterVerdict, HostVerdict } from '../cluster/verdict.js';

export function sameJudgement(left: ClusterVerdict, right: ClusterVerdict): boolean {
  if (left.quorum !== right.quorum || left.trusted !== right.trusted || left.hosts.length !== right.hosts.length) return false;
  return left.hosts.every((host, index) => sameHost(host, right.hosts[index]));
}

function sameHost(left: HostVerdict, right: HostVerdict | undefined): boolean {
  if (!right) return false;
  return left.hostId === right.hostId && left.hearing === right.hearing && left.bootId === right.bootId && left.leaving === right.leaving && left.leavingPurpose === right.leavingPurpose && left.goingDown === right.goingDown && left.probe === right.probe;
}
