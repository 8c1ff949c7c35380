// The detector over virtual clusters: who is called silent, when, and above all who is not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Heartbeat } from './heartbeat-message.js';
import { hostId } from '../shared/ids.js';
import { Membership } from './membership.js';
import { TIMING, VirtualCluster } from './membership.fixture.js';

/** Everybody has listened for a whole window. */
function settled(hosts: number, witnesses = 1, links = 2, seed = 1): VirtualCluster {
  const cluster = new VirtualCluster(hosts, witnesses, links, seed);
  cluster.run(TIMING.startupGraceMs + 500);
  return cluster;
}

/** Fails as soon as any member calls any host silent while it judges. */
function nobodyMayBeSilent(cluster: VirtualCluster, but: readonly string[] = []): void {
  cluster.onVerdict = (by, verdict) => {
    const wrong = verdict.hosts.find((host) => host.hearing === 'silent' && !but.includes(host.hostId));
    if (wrong) throw new Error(`${by} calls ${wrong.hostId} silent at ${cluster.nowMs}: ${wrong.evidence}`);
  };
}

const cutOff = (cluster: VirtualCluster, ids: readonly string[]): void => {
  cluster.loses = (from, to) => ids.includes(from) !== ids.includes(to);
};

describe('a healthy cluster', () => {
  it('is heard by everybody, with quorum and trust', () => {
    const cluster = settled(3);
    expect(cluster.verdict()).toMatchObject({ quorum: true, trusted: true, quorumEvidence: '4 of 4 voters heard (ourselves included), 3 needed' });
    expect(cluster.verdict().hosts.map((host) => [host.hostId, host.hearing, host.evidence, host.silentVotes, host.voters])).toEqual(
      ['h1', 'h2', 'h3'].map((id) => [id, 'heard', 'heard on 2 of 2 links', 0, 4]),
    );
  });

  it('is not trusted before a whole window was listened to', () => {
    const cluster = new VirtualCluster(3);
    cluster.run(TIMING.startupGraceMs - 100);
    expect(cluster.verdict()).toMatchObject({ trusted: false });
    cluster.run(200);
    expect(cluster.verdict()).toMatchObject({ trusted: true });
  });
});

describe('a member that was made long before it listens', () => {
  it('has its grace from when it begins', () => {
    const membership = new Membership({ id: 'w1', role: 'witness', isVoter: true, startStamp: 1 }, TIMING, 0);
    membership.setMembers([{ id: 'h1', name: 'host-1', role: 'host', links: 1, isVoter: true }], 0);
    membership.begin(60_000);
    expect(membership.tick(60_050, 1)).toMatchObject({ trusted: false, hosts: [{ hearing: 'unknown' }] });
    for (let nowMs = 60_100; nowMs < 62_050; nowMs += 50) expect(membership.tick(nowMs, 1)).toMatchObject({ trusted: false });
    expect(membership.opinion('h1', 61_800)).not.toBe('silent');
    expect(membership.tick(62_100, 1)).toMatchObject({ trusted: true, hosts: [{ hearing: 'suspect' }] });
  });
});

describe('a lost host', () => {
  it('is suspect, then silent, with the evidence of all observers', () => {
    const cluster = settled(3);
    cluster.kill('h3');
    cluster.run(1_300);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'suspect' });
    cluster.run(800);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent', silentVotes: 3, voters: 4, bootId: 'boot-h3' });
    expect(cluster.host('h3').evidence).toMatch(/^controller and 2 of 2 peers heard nothing for (1\.[89]|2\.\d) s on 2 links$/);
    expect(cluster.host('h1').hearing).toBe('heard');
  });

  it('is silent within the window and one tick, wherever in the beat it was lost', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = settled(3, 1, 2, seed);
      cluster.kill('h2');
      cluster.run(TIMING.silentMs + 2 * TIMING.tickMs);
      expect(cluster.host('h2').hearing).toBe('silent');
    }
  });

  it('is heard again as soon as it answers', () => {
    const cluster = settled(3);
    cutOff(cluster, ['h3']);
    cluster.run(3_000);
    expect(cluster.host('h3').hearing).toBe('silent');
    cluster.loses = () => false;
    cluster.run(700);
    expect(cluster.host('h3').hearing).toBe('heard');
  });

  it('is never heard by a controller that started after its death, and becomes silent after the grace', () => {
    const cluster = settled(3);
    cluster.kill('h3');
    cluster.kill('w1');
    cluster.run(5_000);
    cluster.start('w1');
    cluster.run(TIMING.silentMs);
    expect(cluster.host('h3').hearing).toBe('unknown');
    cluster.run(TIMING.heartbeatMs + 500);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent', bootId: null });
  });

  it('stays silent when a voter drops out afterwards, and there is no quorum then', () => {
    const cluster = settled(3);
    cluster.kill('h3');
    cluster.run(2_500);
    cluster.kill('h2');
    cluster.run(4_000);
    expect(cluster.host('h3').hearing).toBe('silent');
    expect(cluster.host('h2')).toMatchObject({ hearing: 'suspect', silentVotes: 2 });
    expect(cluster.verdict().quorum).toBe(false);
  });

  it('leaves the count of voters once it is fenced, so that the next loss is seen too', () => {
    const cluster = settled(3);
    cluster.kill('h3');
    cluster.run(2_500);
    cluster.setVoter('h3', false);
    cluster.kill('h2');
    cluster.run(2_500);
    expect(cluster.host('h2')).toMatchObject({ hearing: 'silent', silentVotes: 2, voters: 3 });
    expect(cluster.verdict().quorum).toBe(true);
  });

  it('that said good-bye is silent with that note', () => {
    const cluster = settled(3);
    cluster.leave('h3');
    cluster.run(2_500);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent', leaving: true });
  });
});

describe('the sizes of the quorum', () => {
  it('2 hosts and a controller: the remaining peer and the controller decide', () => {
    const cluster = settled(2);
    cluster.kill('h2');
    cluster.run(2_500);
    expect(cluster.host('h2')).toMatchObject({ hearing: 'silent', silentVotes: 2, voters: 3 });
    expect(cluster.verdict().quorum).toBe(true);
  });

  it('2 hosts and a controller: while the peer hears it, the controller alone calls nobody silent', () => {
    const cluster = settled(2);
    cluster.loses = (from, to) => [from, to].includes('h2') && [from, to].includes('w1');
    cluster.run(10_000);
    expect(cluster.host('h2')).toMatchObject({ hearing: 'suspect', silentVotes: 1, voters: 3 });
    expect(cluster.host('h2').evidence).toMatch(/^controller heard nothing for [\d.]+ s on 2 links; 1 peer does not miss it yet$/);
  });

  it('1 host and a controller: nobody can tell whose network it is', () => {
    const cluster = settled(1);
    cluster.kill('h1');
    cluster.run(10_000);
    expect(cluster.host('h1')).toMatchObject({ hearing: 'suspect', silentVotes: 1, voters: 2 });
    expect(cluster.host('h1').evidence).toContain('1 of 2 voters misses it, 2 are needed');
    expect(cluster.verdict().quorum).toBe(false);
  });

  it('1 host and two controllers: they decide together', () => {
    const cluster = settled(1, 2);
    cluster.kill('h1');
    cluster.run(2_500);
    expect(cluster.host('h1')).toMatchObject({ hearing: 'silent', silentVotes: 2, voters: 3 });
  });

  it('two of three hosts lost at once: no majority, hold', () => {
    const cluster = settled(3);
    nobodyMayBeSilent(cluster);
    cluster.kill('h2');
    cluster.kill('h3');
    cluster.run(5_000);
    expect(cluster.verdict().quorum).toBe(false);
    expect(cluster.host('h2').evidence).toContain('1 of 2 peers cannot be asked');
  });

  it('5 hosts: a host that a single peer still hears has lost its majority', () => {
    const cluster = settled(5);
    cluster.loses = (from, to) => (from === 'h5' && to !== 'h4') || (to === 'h5' && from !== 'h4');
    cluster.run(5_000);
    expect(cluster.host('h5')).toMatchObject({ hearing: 'silent', silentVotes: 4, voters: 6 });
  });
});

describe('who may not be called silent', () => {
  it('anybody, by a controller that is cut off', () => {
    const cluster = settled(4);
    nobodyMayBeSilent(cluster);
    cutOff(cluster, ['w1']);
    cluster.run(10_000);
    expect(cluster.verdict()).toMatchObject({ quorum: false, quorumEvidence: '1 of 5 voters heard (ourselves included), 3 needed' });
    expect(cluster.verdict().hosts.every((host) => host.hearing === 'suspect')).toBe(true);
  });

  it('anybody, by a minority', () => {
    const cluster = settled(5);
    cutOff(cluster, ['w1', 'h1']);
    cluster.run(10_000);
    expect(cluster.verdict('w1').hosts.map((host) => host.hearing)).toEqual(['heard', 'suspect', 'suspect', 'suspect', 'suspect']);
    expect(cluster.verdict('w1').quorum).toBe(false);
    expect(cluster.verdict('h2').hosts.find((host) => host.hostId === 'h1')?.hearing).toBe('silent');
  });

  it('a host with one link left', () => {
    const cluster = settled(3);
    nobodyMayBeSilent(cluster);
    cluster.loses = (_from, _to, link) => link === 0;
    cluster.run(10_000);
    expect(cluster.host('h2')).toMatchObject({ hearing: 'heard', evidence: 'heard on 1 of 2 links' });
  });

  it('anybody by a controller that stalled, whatever the length', () => {
    for (const stallMs of [250, 900, 1_900, 5_000, 30_000]) {
      const cluster = settled(4);
      nobodyMayBeSilent(cluster);
      cluster.stall('w1', stallMs);
      let distrusted = false;
      const check = cluster.onVerdict;
      cluster.onVerdict = (by, verdict) => {
        check(by, verdict);
        if (by === 'w1' && !verdict.trusted) distrusted ||= verdict.trustEvidence.startsWith('own stall of');
      };
      cluster.run(stallMs + 3_000);
      expect(distrusted).toBe(true);
      expect(cluster.verdict()).toMatchObject({ trusted: true, quorum: true });
    }
  });

  it('anybody after the whole room was paused', () => {
    const cluster = settled(4);
    nobodyMayBeSilent(cluster);
    for (const id of cluster.ids) cluster.stall(id, 20_000);
    cluster.run(25_000);
    expect(cluster.verdict().hosts.every((host) => host.hearing === 'heard')).toBe(true);
  });

  it('a host that is heard, because a peer woke up from a stall', () => {
    const cluster = settled(2);
    cluster.loses = (from, to) => [from, to].includes('h2') && [from, to].includes('w1');
    cluster.run(3_000);
    nobodyMayBeSilent(cluster);
    // Only h1 hears h2 now; h1 stalls, so that nobody does, and must not vote right after it woke up.
    cluster.stall('h1', 5_000);
    cluster.run(10_000);
  });

  it('a host whose agent restarts, even with losses, nor the others because of it', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = settled(3, 1, 2, seed);
      nobodyMayBeSilent(cluster);
      cluster.loses = (_from, _to, _link, rng) => rng.next() < 0.1;
      for (const id of ['h1', 'h2', 'h3', 'h1', 'w1']) {
        cluster.kill(id);
        cluster.run(600);
        cluster.start(id);
        cluster.run(500);
      }
      cluster.run(5_000);
    }
  });

  it.each([[2, 1], [3, 2], [5, 2]])('anybody by loss: %i hosts, %i links that lose three of ten, ten minutes', (hosts, links) => {
    const cluster = settled(hosts, 1, links, 42);
    nobodyMayBeSilent(cluster);
    cluster.loses = (_from, _to, _link, rng) => rng.next() < 0.3;
    cluster.run(600_000);
    expect(cluster.verdict().quorum).toBe(true);
  });
});

describe('the observer itself', () => {
  it('must miss a host for a whole window, whatever the others say', () => {
    const cluster = settled(5);
    cluster.loses = (from, to) => [from, to].includes('h5') && ![from, to].includes('w1');
    cluster.run(4_000);
    expect(cluster.host('h5')).toMatchObject({ hearing: 'heard', silentVotes: 4 });
    cutOff(cluster, ['h5']);
    cluster.run(1_350);
    expect(cluster.host('h5')).toMatchObject({ hearing: 'suspect', silentVotes: 4 });
    cluster.run(700);
    expect(cluster.host('h5')).toMatchObject({ hearing: 'silent', silentVotes: 5 });
  });

  it('does not doubt a host when every other heartbeat is lost, both ways', () => {
    const cluster = settled(2, 1, 1);
    cluster.loses = () => Math.floor(cluster.nowMs / TIMING.heartbeatMs) % 2 === 0;
    cluster.onVerdict = (by, verdict) => {
      const doubted = verdict.hosts.find((host) => host.hearing !== 'heard');
      if (doubted) throw new Error(`${by} doubts ${doubted.hostId}: ${doubted.evidence}`);
    };
    cluster.run(20_000);
  });

  it('keeps the newest of what it heard: an old heartbeat from a slow link changes nothing', () => {
    const cluster = settled(3);
    const held: Heartbeat[] = [];
    cluster.holds = (from, to, heartbeat) => {
      if (from === 'h1' && to === 'w1' && held.length === 0) return held.push({ ...heartbeat, bootId: 'old', leaving: 'stop' }) > 0;
      return false;
    };
    cluster.run(2_000);
    for (const heartbeat of held) cluster.membership('w1').feed('h1', heartbeat, cluster.nowMs);
    cluster.run(50);
    expect(held).toHaveLength(1);
    expect(cluster.host('h1')).toMatchObject({ bootId: 'boot-h1', leaving: false });
  });
});

describe('links that work one way only', () => {
  it('a deaf host is not heard by a controller that has restarted: it acknowledges the one before', () => {
    const cluster = settled(3);
    cluster.loses = (_from, to) => to === 'h3';
    cluster.start('w1');
    cluster.run(TIMING.startupGraceMs + 500);
    expect(cluster.host('h3').hearing).toBe('silent');
  });

  it('a deaf host is suspect with that evidence, then silent by quorum', () => {
    const cluster = settled(3);
    cluster.loses = (_from, to) => to === 'h3';
    cluster.run(1_500);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'suspect' });
    expect(cluster.host('h3').evidence).toMatch(/controller hears its heartbeats, but it has not heard ours for 1\.\d s on 2 links \(one-way\)/);
    cluster.run(1_500);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent', silentVotes: 3 });
    expect(cluster.host('h3').evidence).toMatch(/^controller and 2 of 2 peers hear/);
  });

  it('a host that is deaf towards the controller alone stays suspect', () => {
    const cluster = settled(3);
    cluster.loses = (from, to) => to === 'h3' && from === 'w1';
    cluster.run(10_000);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'suspect', silentVotes: 1 });
    expect(cluster.host('h3').evidence).toContain('; 2 peers do not miss it yet');
  });

  it('two links, each open in the other direction only, make no way both ways', () => {
    const cluster = settled(3);
    cluster.loses = (from, to, link) => (to === 'h3' && link === 0) || (from === 'h3' && link === 1);
    cluster.run(3_500);
    expect(cluster.host('h3').hearing).toBe('silent');
  });
});

describe('heartbeats that were held back on the way', () => {
  it('do not keep a dead host alive, however genuine they are', () => {
    const cluster = settled(3);
    const held: { to: string; heartbeat: Heartbeat }[] = [];
    cluster.holds = (from, to, heartbeat) => {
      if (from !== 'h3') return false;
      held.push({ to, heartbeat });
      return true;
    };
    // Recorded, and after its death let go one by one, each newer than the one before.
    cluster.run(300);
    cluster.kill('h3');
    for (let step = 0; step < 100; step++) {
      for (const { to, heartbeat } of held) cluster.membership(to).feed('h3', { ...heartbeat, sequence: heartbeat.sequence + step }, cluster.nowMs);
      cluster.run(50);
    }
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent' });
    expect(cluster.host('h3').evidence).toContain('one-way');
  });
});

describe('copies from before the observer has started', () => {
  it('prove no other boot and say no good-bye, however genuine they are', () => {
    const cluster = settled(3);
    let copy: Heartbeat | null = null;
    cluster.holds = (from, to, heartbeat) => {
      if (from === 'h1' && to === 'w1') copy = { ...heartbeat, bootId: 'boot-of-yesterday', leaving: 'shutdown' };
      return false;
    };
    cluster.run(1_000);
    cluster.holds = () => false;
    cutOff(cluster, ['h1']);
    cluster.start('w1');
    for (let sequence = 1; sequence < 20; sequence += 1) {
      if (copy) cluster.membership('w1').feed('h1', { ...(copy as Heartbeat), sequence }, cluster.nowMs);
      cluster.run(50);
      expect(cluster.host('h1')).toMatchObject({ bootId: null, leavingPurpose: null, lease: null });
    }
    cluster.loses = () => false;
    cluster.run(1_000);
    expect(cluster.host('h1')).toMatchObject({ hearing: 'heard', bootId: 'boot-h1', leavingPurpose: null });
  });
});

describe('looks by SSH', () => {
  const look = { answered: false, bootId: null, runningUuids: [], atMs: 5 };

  it('are shown while the doubt lasts, and forgotten with it', () => {
    const cluster = settled(3);
    cluster.membership('w1').feedProbe('h3', look);
    cluster.run(50);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'heard', probe: null });
    cutOff(cluster, ['h3']);
    cluster.run(1_300);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'suspect', probe: null });
    cluster.membership('w1').feedProbe('h3', look);
    cluster.run(2_000);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'silent', probe: look });
    cluster.loses = () => false;
    cluster.run(1_000);
    expect(cluster.host('h3')).toMatchObject({ hearing: 'heard', probe: null });
  });
});

describe('whatever the links do', () => {
  const cuts = fc.array(fc.record({ from: fc.nat(4), to: fc.nat(4), link: fc.nat(1) }), { maxLength: 30 });

  it('a host that works both ways with the controller on any link is never silent', () => {
    fc.assert(fc.property(cuts, fc.nat(), fc.nat(1), (cutList, seed, kept) => {
      const cluster = settled(4, 1, 2, seed);
      const cut = new Set(cutList.map(({ from, to, link }) => `${cluster.ids[from]} ${cluster.ids[to]} ${link}`));
      cluster.loses = (from, to, link) => {
        const isKept = link === kept && [from, to].includes('h1') && [from, to].includes('w1');
        return !isKept && cut.has(`${from} ${to} ${link}`);
      };
      cluster.run(5_000);
      expect(cluster.host('h1').hearing).toBe('heard');
    }), { numRuns: 60 });
  });

  it('silent means that a majority of all voters works both ways with it on no link', () => {
    fc.assert(fc.property(cuts, fc.nat(), (cutList, seed) => {
      const cluster = settled(4, 1, 2, seed);
      const cut = new Set(cutList.map(({ from, to, link }) => `${cluster.ids[from]} ${cluster.ids[to]} ${link}`));
      cluster.loses = (from, to, link) => cut.has(`${from} ${to} ${link}`);
      cluster.run(6_000);
      const works = (one: string, other: string): boolean => [0, 1].some((link) => !cut.has(`${one} ${other} ${link}`) && !cut.has(`${other} ${one} ${link}`));
      for (const host of ['h1', 'h2', 'h3', 'h4']) {
        const missing = cluster.ids.filter((id) => id !== host && !works(id, host)).length;
        const { hearing } = cluster.host(host);
        if (hearing === 'silent') expect(missing).toBeGreaterThanOrEqual(3);
        if (works('w1', host)) expect(hearing).toBe('heard');
        else expect(hearing).not.toBe('heard');
      }
    }), { numRuns: 100 });
  });

  it('one that is really gone is silent in the end, for each controller that a majority can reach', () => {
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 0, max: 25 }), (seed, lossPercent) => {
      const cluster = settled(4, 1, 2, seed);
      cluster.loses = (_from, _to, _link, rng) => rng.next() * 100 < lossPercent;
      cluster.kill('h4');
      cluster.run(8_000);
      expect(cluster.host('h4').hearing).toBe('silent');
      expect(cluster.host('h4').hostId).toBe(hostId('h4'));
    }), { numRuns: 30 });
  });
});
