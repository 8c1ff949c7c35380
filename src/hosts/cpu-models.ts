// CPU models in the order of their age, so that the newest of several can be named: libvirt's own list is no order.

/** x86 families by libvirt's names, the oldest first; of the same years, those of Intel first. */
const BY_AGE: readonly string[] = [
  '486', 'pentium', 'pentium2', 'pentium3', 'athlon', 'phenom', 'qemu32', 'kvm32', 'qemu64', 'kvm64', 'coreduo', 'n270', 'core2duo',
  'Conroe', 'Opteron_G1', 'Opteron_G2', 'Penryn', 'Nehalem', 'Opteron_G3', 'Westmere', 'SandyBridge', 'Opteron_G4', 'IvyBridge', 'Opteron_G5', 'Haswell', 'Broadwell',
  'Skylake-Client', 'Knl', 'KnightsMill', 'EPYC', 'Dhyana', 'Skylake-Server', 'Denverton', 'Cascadelake-Server', 'EPYC-Rome', 'Snowridge', 'Cooperlake', 'Icelake-Client', 'Icelake-Server', 'EPYC-Milan',
  'YongFeng', 'EPYC-Genoa', 'SapphireRapids', 'SierraForest', 'GraniteRapids', 'EPYC-Turin', 'ClearwaterForest',
];
const AGE: ReadonlyMap<string, number> = new Map(BY_AGE.map((name, index) => [name, index]));

/** "EPYC-Rome-v2", "Haswell-noTSX-IBRS". */
const VARIANT = /^(.*?)((?:-noTSX|-IBRS|-IBPB)*)(?:-v(\d+))?$/;

/** Higher is newer: the family, then what was added to it. One that is not in the list comes first of all. */
function rankOf(model: string): readonly number[] {
  const [, family = model, variant = '', version] = VARIANT.exec(model) ?? [];
  const mended = /IBRS|IBPB/.test(variant) ? 1 : 0;
  return [AGE.get(family) ?? -1, Number(version ?? 0), mended, variant.includes('noTSX') ? 0 : 1];
}

function compareAge(one: string, other: string): number {
  const [rank, others] = [rankOf(one), rankOf(other)];
  for (const [index, value] of rank.entries()) {
    const difference = value - (others[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Null: there is none, or none whose age is known. */
export function newestModel(models: readonly string[]): string | null {
  const known = models.filter((model) => (rankOf(model)[0] ?? -1) >= 0);
  return [...known].sort(compareAge).at(-1) ?? null;
}

/** Is the one really a newer family or version than the other? */
export const isNewer = (one: string, other: string | null): boolean => other === null || compareAge(one, other) > 0;
