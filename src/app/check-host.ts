// `reeve host add --check-only`: looks at a machine as an enrolment would, and changes nothing there.
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import { lookAtFence } from '../cluster/execute/host-executors.js';
import { point, type CheckPoint } from '../hosts/enrolment-check.js';
import { forEachHost } from '../hosts/enrolment-side.js';
import type { Host } from '../hosts/host.js';
import type { HostSurvey } from '../hosts/host-survey.js';
import { DEFAULT_EXPECTATIONS, judgeSurvey, type OtherHost } from '../hosts/judge-survey.js';
import { OperationalError } from '../shared/errors.js';

/** `members` are compared with; one at the same address is the machine itself. */
export async function checkHost(world: HostWorld, host: Host, members: readonly Host[]): Promise<readonly CheckPoint[]> {
  const { surveyor, config } = world.sideOf(host, [host]);
  let survey: HostSurvey;
  try {
    survey = await surveyor.survey();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return [point('ssh', 'fail', error.message, error.remedy)];
  }
  const others = members.filter((one) => one.condition === 'online' && one.address !== host.address);
  return judgeSurvey({
    host: host.name, address: host.address, clusterId: config.clusterId, survey, others: await forEachHost(others, (one) => lookAtOther(world, one)), fence: await lookAtFence({ world }, host), sshTrials: null, expectations: DEFAULT_EXPECTATIONS,
  });
}

const surveyOf = (world: HostWorld, host: Host): Promise<HostSurvey> => world.sideOf(host, [host]).surveyor.survey();

/** A member that is away is not compared with. */
async function lookAtOther(world: HostWorld, host: Host): Promise<OtherHost> {
  try {
    return { name: host.name, survey: await surveyOf(world, host) };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { name: host.name, survey: null };
  }
}
