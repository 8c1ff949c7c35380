// Every kind of operation and who does its work.
import type { Executors } from '../run-operation.js';
import { carryOutExecutor } from './carry-out-executor.js';
import { createExecutor, deleteExecutor } from './create-executors.js';
import type { ExecutePorts } from './execute-ports.js';
import { drainExecutor, enrolExecutor, fenceExecutor, readmitExecutor, removeExecutor } from './host-executors.js';
import { migrateExecutor, relocateExecutor } from './move-executors.js';
import { leaseExecutor } from './lease-executor.js';
import { replicateExecutor } from './replicate-executor.js';
import { takePoolExecutor } from './take-pool-executor.js';
import { renewTrustExecutor } from './renew-trust-executor.js';
import { startExecutor, stopExecutor } from './start-executors.js';

export function executors(ports: ExecutePorts): Executors {
  return {
    enrol: enrolExecutor(ports),
    readmit: readmitExecutor(ports),
    remove: removeExecutor(ports),
    fence: fenceExecutor(ports),
    drain: drainExecutor(ports),
    'carry-out': carryOutExecutor(ports),
    create: createExecutor(ports),
    start: startExecutor(ports),
    recover: startExecutor(ports),
    stop: stopExecutor(ports),
    delete: deleteExecutor(ports),
    migrate: migrateExecutor(ports),
    relocate: relocateExecutor(ports),
    lease: leaseExecutor(ports),
    replicate: replicateExecutor(ports),
    'take-pool': takePoolExecutor(ports),
    'renew-trust': renewTrustExecutor(ports),
  };
}
