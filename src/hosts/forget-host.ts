// What is undone at a host when another one leaves, or was never taken in, and at that one itself.
import { messageOf, OperationalError } from '../shared/errors.js';
import { unlessAway, type EnrolmentSide } from './enrolment-side.js';

/** A member forgets how to reach the host, and lets it in no more. Null: done; else what is left there. */
export async function forgetHost(peer: EnrolmentSide, { host }: EnrolmentSide): Promise<string | null> {
  const away = await unlessAway(peer.host.name, () => peer.trust.dropPeers([host.hostId]));
  return away ?? remotesLeft(peer, () => peer.containers.drop([host.name]));
}

/** The host's own keys and remotes. */
export async function revokeTrust(self: EnrolmentSide): Promise<string | null> {
  await self.trust.revoke();
  return remotesLeft(self, () => self.containers.revoke());
}

/** A daemon for containers that is in trouble holds up no removal. */
async function remotesLeft({ host }: EnrolmentSide, work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `${host.name}: remotes of its daemons for containers may be left: ${messageOf(error)}`;
  }
}
