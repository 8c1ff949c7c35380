// Which copying of a workload is under way: it holds up nothing else that is done with it.
import type { ClusterView } from './cluster-view.js';
import type { Operation } from './operation.js';
import type { Workload } from '../workloads/workload.js';

export const replicationOf = ({ operations }: Pick<ClusterView, 'operations'>, { id }: Pick<Workload, 'id'>): Operation | undefined => operations.find((one) => one.kind === 'replicate' && one.params['workload'] === id);
