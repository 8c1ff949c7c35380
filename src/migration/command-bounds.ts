// How a command that runs at a host by itself (a migration, a copy) is watched from here.

export const LOOK_EVERY_MS = 300;
/** A command that was refused and is not seen either never began. */
export const NEVER_BEGAN_MS = 1_500;
/** A command whose answer was lost may still be on its way: the bound that the driver puts on it at the host, and its lock. */
export const LATE_START_MS = 45_000;
/** A source that neither answers nor is proven off: fencing or its return settles it, and both take as long as they take. */
export const BLIND_MS = 3_600_000;
/** Of waiting for an answer: from here on the operation says whose. */
export const SAYS_AFTER_MS = 5_000;
