import { findingOf, KNOWN_PRODUCTS, type Product } from '@oci-package-proxy/oci';

import { countText } from '../progress.ts';
import type { DoctorReport } from './doctor.ts';
import type { Verdict, Weight } from './verdict.ts';

const HEADINGS: Readonly<Record<Weight, string>> = {
  must: 'Has to be changed:',
  should: 'Should be changed:',
  nice: 'Could be better:',
};
/** So many unknown things with one reason are not told one by one where something has to be changed first. */
const MANY = 8;

/** A report for people: what it is, what is wrong, worst first, and what to do, what works, what is not known. */
export function doctorText(report: DoctorReport): readonly string[] {
  const { verdicts, retention } = report;
  return [
    ...headLines(report),
    ...(['must', 'should', 'nice'] as const).flatMap((weight) => complaintLines(HEADINGS[weight], verdicts.filter((verdict) => verdict.met === false && verdict.weight === weight))),
    ...unknownLines(verdicts.filter(({ met }) => met === null), report.fit),
    ...workingLines(verdicts.filter(({ met }) => met === true)),
    ...(retention === null || retention.check.length === 0 ? [] : ['', `Retention: ${retention.found}.`, ...retention.check.map((line, at) => (at === 0 ? `  ${line}` : `    - ${line}`))]),
    ...leftoverLines(report),
    '',
    summary(report),
  ];
}

function headLines(report: DoctorReport): readonly string[] {
  if (report.kind === 'layout') {
    return [`The directory ${report.storage}`];
  }
  const { said, seen } = report.product;
  const what = said === null && seen !== null ? `looks like ${titleOf(seen)}` : titleOf(said);
  const does = [tags(report), deletes(report), findingOf(report, 'mounts').value === true ? 'blobs are mounted' : null, findingOf(report, 'referrers').value === true ? 'has referrers' : null];
  const habits = does.filter((text) => text !== null);
  return [`The registry at ${report.storage}: ${what}`, ...(habits.length === 0 ? [] : [`  ${habits.join('; ')}`])];
}

function titleOf(product: Product | null): string {
  return product === null ? 'of an unknown kind' : KNOWN_PRODUCTS[product].title;
}

function tags(report: DoctorReport): string | null {
  const pages = findingOf(report, 'tagPages').value;
  const order = findingOf(report, 'tagOrder').value;
  if (pages === null || order === null) {
    return null;
  }
  const ways = { linked: 'in pages', 'by-last': 'in pages without links', cut: 'cut', ignored: 'all at once' };
  const orders = { lexical: 'by name', 'by-age': 'oldest first', none: 'in no order' };
  return `tag lists come ${ways[pages]}, ${orders[order]}`;
}

function deletes(report: DoctorReport): string | null {
  const [byTag, byDigest] = [findingOf(report, 'deletesTags').value, findingOf(report, 'deletesDigests').value];
  if (byTag === null || byDigest === null) {
    return null;
  }
  const ways = [...(byTag ? ['by tag'] : []), ...(byDigest ? ['by digest'] : [])];
  return ways.length === 0 ? 'deletes nothing' : `deletes ${ways.join(' and ')}`;
}

function complaintLines(heading: string, verdicts: readonly Verdict[]): readonly string[] {
  if (verdicts.length === 0) {
    return [];
  }
  return ['', heading, ...verdicts.flatMap(({ requirement, found, complaint }) => [
    `  not met: ${requirement}`,
    `    seen:  ${found}`,
    `    means: ${complaint?.effect ?? ''}`,
    ...(complaint?.advice ?? []).map((line, at) => `    ${at === 0 ? 'do:   ' : '      '} ${line}`),
  ])];
}

/** By reason: after a refusal everything else has the same, and nobody wants to read it all. */
function unknownLines(verdicts: readonly Verdict[], fit: boolean): readonly string[] {
  const reasons = new Map<string, string[]>();
  for (const { requirement, found } of verdicts) {
    reasons.set(found, [...(reasons.get(found) ?? []), requirement]);
  }
  return reasons.size === 0 ? [] : ['', 'Not known:', ...[...reasons].flatMap(([reason, texts]) => (!fit && texts.length > MANY ? [`  everything else: ${reason}`] : [`  ${reason}:`, ...texts.map((text) => `    - ${text}`)]))];
}

function workingLines(verdicts: readonly Verdict[]): readonly string[] {
  return verdicts.length === 0 ? [] : ['', 'Works:', ...verdicts.map(({ requirement }) => `  - ${requirement}`)];
}

function leftoverLines({ leftovers, readOnly }: DoctorReport): readonly string[] {
  if (leftovers.length === 0 || readOnly) {
    return [];
  }
  const lines = leftovers.map(({ repository, tags: names, untagged }) => {
    const what = [...(names.length === 0 ? [] : [countText(names.length, 'tag')]), ...(untagged === 0 ? [] : [`${countText(untagged, 'manifest')} without a tag`])];
    return `  ${repository}: ${what.length === 0 ? 'the empty repository' : what.join(', ')}`;
  });
  return ['', 'Left behind by this examination, as the registry does not let us remove it; nothing reads it:', ...lines];
}

function summary({ verdicts, fit }: DoctorReport): string {
  const count = (weight: Weight, met: boolean | null): number => verdicts.filter((verdict) => verdict.weight === weight && verdict.met === met).length;
  const unknown = verdicts.filter(({ met }) => met === null).length;
  const counts = `${countText(count('must', false), 'requirement')} not met, ${countText(count('should', false) + count('nice', false), 'recommendation')}${unknown === 0 ? '' : `, ${unknown} not known`}`;
  const known = unknown === 0 ? 'Fit' : 'Fit, as far as is known,';
  return `${fit ? known : 'NOT FIT'} to hold packages: ${counts}.`;
}
