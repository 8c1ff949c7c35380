// Which cluster an address names, and what is left of it.
import { describe, expect, it } from 'vitest';
import type { ClusterPorts } from './ports.js';
import { findCluster, portsOfRequest, splitCluster, withCluster } from './named-cluster.js';

describe('an address', () => {
  it.each([
    ['/api/v1/hosts', null, '/api/v1/hosts'],
    ['/api/v1/clusters', null, '/api/v1/clusters'],
    ['/api/v1/clusters/b', null, '/api/v1/clusters/b'],
    ['/api/v1/clusters/b/', null, '/api/v1/clusters/b/'],
    ['/api/v1/clusters/b?x=/y', null, '/api/v1/clusters/b?x=/y'],
    ['/api/v1/clusters/b/hosts', 'b', '/api/v1/hosts'],
    ['/api/v1/clusters/b/hosts?limit=1&after=a%2Fb', 'b', '/api/v1/hosts?limit=1&after=a%2Fb'],
    ['/api/v1/clusters/b/workloads/..%2Fhosts', 'b', '/api/v1/workloads/..%2Fhosts'],
    ['/api/v1/clusters/%62/status', 'b', '/api/v1/status'],
    ['/api/v1/clusters/%zz/status', '%zz', '/api/v1/status'],
    // Once only: a cluster has no clusters.
    ['/api/v1/clusters/a/clusters/b/hosts', 'a', '/api/v1/clusters/b/hosts'],
    ['/healthz', null, '/healthz'],
    ['/api/docs/clusters/b/hosts', null, '/api/docs/clusters/b/hosts'],
  ])('%s', (url, cluster, rest) => {
    expect(splitCluster(url)).toEqual({ cluster, url: rest });
  });
});

describe('the ports of a request', () => {
  const named = (name: string): ClusterPorts => ({ reads: { clusterName: () => name } as ClusterPorts['reads'], commands: {} as ClusterPorts['commands'] });
  const all = [named('a'), named('b')] as const;

  it('are those of the cluster that it names, whatever else is asked meanwhile', async () => {
    const ports = portsOfRequest(all);
    const ask = (url: string): Promise<string> => new Promise((done) => withCluster(url, () => void setImmediate(async () => {
      await Promise.resolve();
      done(ports.reads.clusterName());
    })));
    expect(await Promise.all(['/api/v1/clusters/b/hosts', '/api/v1/hosts', '/api/v1/clusters/a/hosts', '/api/v1/clusters/b/status'].map(ask))).toEqual(['b', 'a', 'a', 'b']);
    expect(ports.reads.clusterName()).toBe('a');
  });

  it('are refused for a cluster that is not there, with those that are', () => {
    expect(() => findCluster(all, 'c')).toThrow('there is no cluster c; there are a, b');
    expect(() => findCluster([all[0]], '')).toThrow('there is a');
  });
});
