// Which cluster a request is about: /api/v1/clusters/NAME/… is /api/v1/… of that cluster.
import { AsyncLocalStorage } from 'node:async_hooks';
import { UserError } from '../shared/errors.js';
import type { ClusterPorts } from './ports.js';

export interface NamedCluster {
  /** Null: the first one. */
  readonly cluster: string | null;
  /** The address without the cluster, as the routes know it. */
  readonly url: string;
}

const UNDER_CLUSTER = /^(\/api\/v1)\/clusters\/([^/?#]+)(\/[^?#].*)$/;

export function splitCluster(url: string): NamedCluster {
  const [, root, name, rest] = UNDER_CLUSTER.exec(url) ?? [];
  return root === undefined || name === undefined || rest === undefined ? { cluster: null, url } : { cluster: decoded(name), url: `${root}${rest}` };
}

/** What can't be decoded is no cluster's name: it is told as it came. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** The request that the present call belongs to. */
const asked = new AsyncLocalStorage<string | null>();

/** For everything that happens in `work`, and after it on its account. */
export const withCluster = (url: string, work: () => void): void => asked.run(splitCluster(url).cluster, work);

export function findCluster(clusters: readonly [ClusterPorts, ...ClusterPorts[]], name: string | null): ClusterPorts {
  const found = name === null ? clusters[0] : clusters.find((one) => one.reads.clusterName() === name);
  if (found) return found;
  const names = clusters.map((one) => one.reads.clusterName()).join(', ');
  throw new UserError('not-found', `there is no cluster ${name}; there ${clusters.length === 1 ? 'is' : 'are'} ${names}`, 'reeve cluster list');
}

/** Reads and commands of the cluster that the present request is about. */
export function portsOfRequest(clusters: readonly [ClusterPorts, ...ClusterPorts[]]): ClusterPorts {
  const now = (): ClusterPorts => findCluster(clusters, asked.getStore() ?? null);
  return {
    get reads() {
      return now().reads;
    },
    get commands() {
      return now().commands;
    },
  };
}
