import { isProxyError } from '@oci-package-proxy/errors';
import { type HarborRule, type HarborRules, readHarborRules, type RemoteRegistry } from '@oci-package-proxy/oci';

import { coverIn, type Danger, dangersOf, type Place, placesIn, scopeOf, type Treasure } from './harbor-losses.ts';
import { type Complaint, judged, type Verdict } from './verdict.ts';

const LOST: Readonly<Record<Treasure, string>> = {
  catalog: 'Packages vanish from lists when tags of the catalogue are removed.',
  system: 'API tokens and other records of the system itself are lost when tags in its repositories are removed.',
};

/**
 * Whether the retention rules of a Harbor project spare what they must in the repositories of `ecosystems`; met is null where they cannot be read.
 * @throws ProxyError `aborted`.
 */
export async function harborRetention(registry: RemoteRegistry, { ecosystems, signal }: { readonly ecosystems: readonly string[]; readonly signal: AbortSignal | undefined }): Promise<Verdict> {
  const about = { id: 'retention', weight: 'must' as const, requirement: 'Retention rules spare what they must' };
  try {
    const rules = await readHarborRules(registry, signal);
    const { places, isWhole } = placesIn(rules.project, registry, ecosystems);
    const complaint = complaintOf(rules, places);
    if (complaint === null && !isWhole) {
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

function foundIn({ project, retention }: HarborRules, places: readonly Place[]): string {
  if (retention.length === 0) {
    return `project ${project} has no retention rules`;
  }
  const isOurs = retention.some((rule) => places.some((place) => coverIn(place, rule) !== 'none'));
  const rules = retention.map((rule) => `${rule.template} of ${textOf(rule.tags)} for repositories ${scopeOf(rule)}`).join('; ');
  return `retention rules of project ${project}: ${rules}${isOurs ? '' : '; none is for repositories of ours'}`;
}

function complaintOf({ project, retention }: HarborRules, places: readonly Place[]): Complaint | null {
  const { ours, versions, treasures, pulled } = dangersOf(retention, places);
  const dangers = [...ours, ...versions, ...treasures, ...pulled];
  if (dangers.length === 0) {
    return null;
  }
  const lost = new Set(certainPlaces(treasures).map(({ treasure }) => treasure));
  const effects = [
    ...(certainPlaces(ours).length > 0 ? ['Deleted versions come back, and deprecations and tags are lost, when our own tags are removed.'] : []),
    ...(certainPlaces(versions).length > 0 ? ['Every version is removed, as no rule retains any: from a repository that a rule is for, Harbor removes what none retains.'] : []),
    ...(['catalog', 'system'] as const).filter((treasure) => lost.has(treasure)).map((treasure) => LOST[treasure]),
    ...(certainPlaces(pulled).length > 0 ? ['Packages that are in use are removed, as what we have cached is not pulled again.'] : []),
    ...doubtIn(dangers.filter(({ isCertain }) => !isCertain)),
  ];
  const advice = [
    ...ours.map((danger) => oursAdvice(project, danger)),
    ...versions.map((danger) => versionsAdvice(project, danger)),
    ...treasures.flatMap((danger) => treasuresAdvice(project, danger)),
    ...pulled.map(pullingAdvice),
  ];
  return { effect: effects.join(' '), advice: [...new Set(advice)], ...(!dangers.some(({ isCertain }) => isCertain) && { weight: 'should' }) };
}

function certainPlaces(dangers: readonly Danger[]): readonly Place[] {
  return dangers.filter(({ isCertain }) => isCertain).flatMap(({ places }) => places);
}

function doubtIn(doubts: readonly Danger[]): readonly string[] {
  const beginnings = [...new Set(doubts.flatMap(({ places }) => places.map(({ beginning }) => beginning)))];
  return beginnings.length === 0 ? [] : [`It cannot be told whether something is removed that must not be, as patterns for repositories fit only some of those that may be there: of ${beginnings.map((beginning) => `${beginning}…`).join(', ')}.`];
}

/** For the same repositories, never for more: a rule for repositories that had none removes from them what it does not retain. */
function oursAdvice(project: string, danger: Danger): string {
  return addition(danger, `a rule to the tag retention of project ${project}: for repositories ${scopeOf(danger.rule)}, retain always, tags matching _*.`);
}

function versionsAdvice(project: string, danger: Danger): string {
  return addition(danger, `a rule that keeps versions to the tag retention of project ${project}: for repositories ${scopeOf(danger.rule)}, retain always, tags matching **; or those of some days or some number of pushes, where nothing is published and these are caches only.`);
}

/** For all of a place: a rule that retains everything does no harm to repositories that had none. */
function treasuresAdvice(project: string, danger: Danger): readonly string[] {
  return danger.places.map(({ beginning }) => {
    const pattern = `${beginning}${beginning === '' || beginning.endsWith('/') ? '**' : '*'}`;
    return addition(danger, `a rule to the tag retention of project ${project}: for repositories matching ${pattern}, retain always, tags matching **; or let no rule be for these repositories.`);
  });
}

function addition({ rule, isCertain }: Danger, advice: string): string {
  return isCertain ? `Add ${advice}` : `Look whether the rule for repositories ${scopeOf(rule)} is for any of ours that no other rule protects. To be safe, add ${advice}`;
}

function pullingAdvice({ rule, isCertain }: Danger): string {
  return isCertain ? 'Replace the rules that go by pulls by rules that go by pushes.' : `Look whether the rule for repositories ${scopeOf(rule)}, which goes by pulls, is for any of ours. To be safe, replace it by one that goes by pushes.`;
}

function textOf(tags: HarborRule['tags']): string {
  return tags.map(({ excludes, pattern }) => `${excludes ? 'all but ' : ''}${pattern}`).join(', ');
}
