// A disarming that has run out is taken back, so that nobody reads it as still in force.
import { event } from '../cluster-event.js';
import type { Rule } from '../decide.js';

export const endExpiredDisarm: Rule = ({ view, nowMs }) => {
  const { disarm } = view;
  if (!disarm || disarm.untilMs === null || disarm.untilMs > nowMs) return { actions: [], holds: [] };
  const why = `armed again: the disarming by ${disarm.by} (${disarm.reason}) has run out`;
  return { actions: [{ rule: 'endExpiredDisarm', about: 'cluster', why, changes: [{ change: 'disarm', disarm: null }, { change: 'event', event: event('cluster.armed', why, { severity: 'notice' }) }] }], holds: [] };
};
