import type { Version } from './version.ts';

/** The order of PEP 440, "Summary of permitted suffixes and relative ordering". */
export function compareParsed(left: Version, right: Version): number {
  return (
    compared(left.epoch, right.epoch) ||
    compareReleases(left.release, right.release) ||
    compared(phaseRank(left), phaseRank(right)) ||
    compared(left.pre?.number ?? 0n, right.pre?.number ?? 0n) ||
    compared(left.post ?? -1n, right.post ?? -1n) ||
    compareDev(left.dev, right.dev) ||
    compareLocal(left.local, right.local)
  );
}

function compareReleases(left: readonly bigint[], right: readonly bigint[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = compared(left[index] ?? 0n, right[index] ?? 0n);
    if (order !== 0) {
      return order;
    }
  }
  return 0;
}

/** `1.0.dev1` is before `1.0a1`, which is before `1.0`. */
function phaseRank({ pre, post, dev }: Version): number {
  if (pre !== null) {
    return ['a', 'b', 'rc'].indexOf(pre.phase);
  }
  return post === null && dev !== null ? -1 : 3;
}

function compareDev(left: bigint | null, right: bigint | null): number {
  if (left === null || right === null) {
    return compared(left === null ? 1 : 0, right === null ? 1 : 0);
  }
  return compared(left, right);
}

function compareLocal(left: Version['local'], right: Version['local']): number {
  const [lefts, rights] = [left ?? [], right ?? []];
  for (const [index, segment] of lefts.entries()) {
    const other = rights[index];
    const order = other === undefined ? 1 : compareSegments(segment, other);
    if (order !== 0) {
      return order;
    }
  }
  return compared(lefts.length, rights.length);
}

/** Words are before numbers. */
function compareSegments(left: bigint | string, right: bigint | string): number {
  if (typeof left !== typeof right) {
    return typeof left === 'string' ? -1 : 1;
  }
  return compared(left, right);
}

/** The natural order of two values of one kind; texts by code unit. */
export function compared<T extends bigint | number | string>(left: T, right: T): number {
  if (left === right) {
    return 0;
  }
  return left < right ? -1 : 1;
}
