// What Reeve writes down at an instance itself, as settings of its own: they travel with its copies and outlive every control plane.

export const MARKS = {
  /** `replica`: a copy that is not the workload. `set-aside`: what was the workload until it was recovered elsewhere. Absent: the workload, or an instance of somebody else. */
  role: 'user.reeve.role',
  /** Of a complete replica: as of when its data are, in ms. Absent while a copy goes on, and after one that failed. */
  copied: 'user.reeve.copied',
  /** What boot.autostart was before Reeve set it to false. */
  autostart: 'user.reeve.autostart',
} as const;

export const REPLICA = 'replica';
export const SET_ASIDE = 'set-aside';
/** The person had left boot.autostart alone. */
export const WAS_UNSET = 'unset';
