import { isProxyError } from '@oci-package-proxy/errors';
import { type HarborRule, type HarborRules, readHarborRules, type RemoteRegistry } from '@oci-package-proxy/oci';

import { type Cover, coverOf, coverOfAll, inverse, isFor } from './harbor-patterns.ts';
import { type Complaint, judged, type Verdict } from './verdict.ts';

/** Tags of ours that must never be removed; one of each kind. */
const OURS = ['_origin', '_e.0000000001.0123456789abcdef', `_t.${'0'.repeat(32)}`, `_h.${'0'.repeat(64)}`, '_snapshot'];
const BY_PULL: ReadonlySet<string> = new Set(['latestPulledN', 'nDaysSinceLastPull']);
/** Lies beside the ecosystems. */
const CATALOGUE = 'catalog';

/** A rule that does harm, for certain or perhaps, and below which beginnings of names. */
interface Danger {
  readonly rule: HarborRule;
  readonly isCertain: boolean;
  readonly places: readonly string[];
}

/**
 * Whether the retention rules of a Harbor project spare what they must in the repositories of `ecosystems`; met is null where they cannot be read.
 * @throws ProxyError `aborted`.
 */
export async function harborRetention(registry: RemoteRegistry, { ecosystems, signal }: { readonly ecosystems: readonly string[]; readonly signal: AbortSignal | undefined }): Promise<Verdict> {
  const about = { id: 'retention', weight: 'must' as const, requirement: 'Retention rules spare what they must' };
  try {
    const rules = await readHarborRules(registry, signal);
    const places = placesIn(rules.project, registry, ecosystems);
    const complaint = complaintOf(rules, places);
    if (complaint === null && places.length <= ecosystems.length) {
      return { ...about, met: null, found: `${foundIn(rules, places)}; but STORAGE_URL names no project, and what is not below ${rules.project}/ is in others`, complaint };
    }
    return judged({ ...about, found: foundIn(rules, places) }, complaint);
  } catch (error) {
    if (!isProxyError(error) || error.code === 'aborted') {
      throw error;
    }
    return { ...about, met: null, found: error.message, complaint: null };
  }
}

/** How the names of our repositories begin, below the project: `packages/npm/`, or `packages/npm-0-` where names are flat. */
function placesIn(project: string, registry: RemoteRegistry, ecosystems: readonly string[]): readonly string[] {
  const names = [...ecosystems, CATALOGUE].map((first) => registry.endpoint(`${first}/x`).name);
  return names.filter((name) => name.startsWith(`${project}/`)).map((name) => name.slice(project.length + 1, -1));
}

function foundIn({ project, retention }: HarborRules, places: readonly string[]): string {
  if (retention.length === 0) {
    return `project ${project} has no retention rules`;
  }
  const isOurs = retention.some((rule) => places.some((place) => coverIn(place, rule) !== 'none'));
  const rules = retention.map((rule) => `${rule.template} of ${textOf(rule.tags)} for repositories ${scopeOf(rule)}`).join('; ');
  return `retention rules of project ${project}: ${rules}${isOurs ? '' : '; none is for repositories of ours'}`;
}

function complaintOf({ project, retention }: HarborRules, places: readonly string[]): Complaint | null {
  const removing = dangersIn(retention, places, (rule, place) => lossIn(place, rule, retention));
  const pulled = dangersIn(retention.filter(({ template }) => BY_PULL.has(template)), places, (rule, place) => coverIn(place, rule));
  const dangers = [...removing, ...pulled];
  if (dangers.length === 0) {
    return null;
  }
  const effects = [
    ...(removing.some(({ isCertain }) => isCertain) ? ['Deleted versions come back, and deprecations and tags are lost, when our own tags are removed.'] : []),
    ...(pulled.some(({ isCertain }) => isCertain) ? ['Packages that are in use are removed, as what we have cached is not pulled again.'] : []),
    ...doubtIn(dangers.filter(({ isCertain }) => !isCertain)),
  ];
  return {
    effect: effects.join(' '),
    advice: [...new Set([...removing.map((danger) => keepingAdvice(project, danger)), ...pulled.map(pullingAdvice)])],
    ...(!dangers.some(({ isCertain }) => isCertain) && { weight: 'should' }),
  };
}

function dangersIn(rules: readonly HarborRule[], places: readonly string[], harm: (rule: HarborRule, place: string) => Cover): readonly Danger[] {
  return rules.flatMap((rule) => {
    const certain = places.filter((place) => harm(rule, place) === 'all');
    const touched = certain.length > 0 ? certain : places.filter((place) => harm(rule, place) === 'some');
    return touched.length === 0 ? [] : [{ rule, isCertain: certain.length > 0, places: touched }];
  });
}

/** Whether tags of ours go from the repositories of `rule` there, whatever other rules retain. */
function lossIn(place: string, rule: HarborRule, rules: readonly HarborRule[]): Cover {
  const cover = coverIn(place, rule);
  const keeping = rules.filter(({ template }) => template === 'always');
  const unkept = OURS.filter((tag) => !keeping.some((other) => keeps(other, tag) && (coverIn(place, other) === 'all' || scopeOf(other) === scopeOf(rule))));
  if (cover === 'none' || unkept.length === 0) {
    return 'none';
  }
  const isCertain = unkept.some((tag) => !keeping.some((other) => keeps(other, tag) && coverIn(place, other) === 'some'));
  return isCertain ? cover : 'some';
}

function coverIn(place: string, { repositories }: HarborRule): Cover {
  return coverOfAll(repositories.map(({ excludes, pattern }) => (excludes ? inverse(coverOf(pattern, place)) : coverOf(pattern, place))));
}

function keeps({ tags }: HarborRule, tag: string): boolean {
  return tags.every(({ excludes, pattern }) => isFor(pattern, tag) !== excludes);
}

function doubtIn(doubts: readonly Danger[]): readonly string[] {
  const places = [...new Set(doubts.flatMap((danger) => danger.places))];
  return places.length === 0 ? [] : [`It cannot be told whether something is removed that must not be, as patterns for repositories fit only some of those that may be there: of ${places.map((place) => `${place}…`).join(', ')}.`];
}

/** For the same repositories, never for more: a rule for repositories that had none removes from them what it does not retain. */
function keepingAdvice(project: string, { rule, isCertain }: Danger): string {
  const advice = `a rule to the tag retention of project ${project}: for repositories ${scopeOf(rule)}, retain always, tags matching _*.`;
  return isCertain ? `Add ${advice}` : `Look whether the rule for repositories ${scopeOf(rule)} is for any of ours that no other rule protects. To be safe, add ${advice}`;
}

function pullingAdvice({ rule, isCertain }: Danger): string {
  return isCertain ? 'Replace the rules that go by pulls by rules that go by pushes.' : `Look whether the rule for repositories ${scopeOf(rule)}, which goes by pulls, is for any of ours. To be safe, replace it by one that goes by pushes.`;
}

function scopeOf({ repositories }: HarborRule): string {
  return repositories.length === 0 ? 'matching **' : repositories.map(({ excludes, pattern }) => `${excludes ? 'excluding' : 'matching'} ${pattern}`).join(' and ');
}

function textOf(tags: HarborRule['tags']): string {
  return tags.map(({ excludes, pattern }) => `${excludes ? 'all but ' : ''}${pattern}`).join(', ');
}
