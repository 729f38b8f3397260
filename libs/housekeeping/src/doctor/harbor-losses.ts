import type { HarborRule, RemoteRegistry } from '@oci-package-proxy/oci';

import { type Cover, coverOf, coverOfAll, coverOfTags, inverse, isFor } from './harbor-patterns.ts';

/** Beside the ecosystems: where every tag must stay, as one is a package of the catalogue, or a record of the system itself. */
export type Treasure = 'catalog' | 'system';

/** Where repositories of ours are. */
export interface Place {
  /** How their names begin, below the project: `packages/npm/`, or `packages/npm-0-` where names are flat. */
  readonly beginning: string;
  /** Null: packages are there, whose versions may go by age or number. */
  readonly treasure: Treasure | null;
}

/** A rule that does harm, for certain or perhaps, and where. */
export interface Danger {
  readonly rule: HarborRule;
  readonly isCertain: boolean;
  readonly places: readonly Place[];
}

/** What is wrong with the rules of a project. */
export interface Dangers {
  /** Tags of ours go, beside packages. */
  readonly ours: readonly Danger[];
  /** No version stays. */
  readonly versions: readonly Danger[];
  /** Not every tag stays where every one must. */
  readonly treasures: readonly Danger[];
  /** Packages go that are in use. */
  readonly pulled: readonly Danger[];
}

/** Each must be retained by a rule. */
type Need = readonly ((rule: HarborRule) => boolean)[];

const TREASURES = ['system', 'catalog'] as const;
/** Tags of ours that must never be removed; one of each kind. */
const OURS = ['_origin', '_e.0000000001.0123456789abcdef', `_t.${'0'.repeat(32)}`, `_h.${'0'.repeat(64)}`, '_snapshot'];
/** Tags of versions: one that is called after the version, and one after its file. */
const VERSIONS = ['1.0.0', 'name-1.0.0-py3-none-any.whl'];
const BY_PULL: ReadonlySet<string> = new Set(['latestPulledN', 'nDaysSinceLastPull']);

const OURS_STAY: Need = OURS.map((tag) => (rule) => isAlways(rule) && keeps(rule, tag));
/** Of one kind is enough: which an ecosystem has is not known here, and a rule may leave versions out on purpose. */
const VERSIONS_STAY: Need = [(rule) => VERSIONS.some((tag) => keeps(rule, tag))];
const ALL_STAYS: Need = [(rule) => isAlways(rule) && keepsAll(rule)];

/** Where our repositories are in the project, and whether that is where all of them are. */
export function placesIn(project: string, registry: RemoteRegistry, ecosystems: readonly string[]): { readonly places: readonly Place[]; readonly isWhole: boolean } {
  const firsts = [...new Set([...ecosystems, ...TREASURES])];
  const places = firsts.flatMap((first) => {
    const { name } = registry.endpoint(`${first}/x`);
    const treasure = TREASURES.find((one) => one === first) ?? null;
    return name.startsWith(`${project}/`) ? [{ beginning: name.slice(project.length + 1, -1), treasure }] : [];
  });
  return { places, isWhole: places.length === firsts.length };
}

/** What the rules of a project remove that they must not. */
export function dangersOf(rules: readonly HarborRule[], places: readonly Place[]): Dangers {
  const packages = places.filter(({ treasure }) => treasure === null);
  const treasures = places.filter(({ treasure }) => treasure !== null);
  const losses = (where: readonly Place[], need: Need): readonly Danger[] => dangersIn(rules, where, (rule, place) => lossIn(place, rule, { rules, need }));
  return {
    ours: losses(packages, OURS_STAY),
    versions: losses(packages, VERSIONS_STAY),
    treasures: losses(treasures, ALL_STAYS),
    pulled: dangersIn(rules.filter(({ template }) => BY_PULL.has(template)), places, (rule, place) => coverIn(place, rule)),
  };
}

/** For which of the repositories there the rule is. */
export function coverIn({ beginning }: Place, { repositories }: HarborRule): Cover {
  return coverOfAll(repositories.map(({ excludes, pattern }) => (excludes ? inverse(coverOf(pattern, beginning)) : coverOf(pattern, beginning))));
}

/** Which repositories the rule is for, in words. */
export function scopeOf({ repositories }: HarborRule): string {
  return repositories.length === 0 ? 'matching **' : repositories.map(({ excludes, pattern }) => `${excludes ? 'excluding' : 'matching'} ${pattern}`).join(' and ');
}

function dangersIn(rules: readonly HarborRule[], places: readonly Place[], harm: (rule: HarborRule, place: Place) => Cover): readonly Danger[] {
  return rules.flatMap((rule) => {
    const certain = places.filter((place) => harm(rule, place) === 'all');
    const touched = certain.length > 0 ? certain : places.filter((place) => harm(rule, place) === 'some');
    return touched.length === 0 ? [] : [{ rule, isCertain: certain.length > 0, places: touched }];
  });
}

/** Whether something that is needed goes from the repositories of `rule` there, whatever other rules retain. */
function lossIn(place: Place, rule: HarborRule, { rules, need }: { readonly rules: readonly HarborRule[]; readonly need: Need }): Cover {
  const cover = coverIn(place, rule);
  const unkept = need.filter((isKept) => !rules.some((other) => isKept(other) && (coverIn(place, other) === 'all' || scopeOf(other) === scopeOf(rule))));
  if (cover === 'none' || unkept.length === 0) {
    return 'none';
  }
  const isCertain = unkept.some((isKept) => !rules.some((other) => isKept(other) && coverIn(place, other) === 'some'));
  return isCertain ? cover : 'some';
}

function isAlways({ template }: HarborRule): boolean {
  return template === 'always';
}

function keeps({ tags }: HarborRule, tag: string): boolean {
  return tags.every(({ excludes, pattern }) => isFor(pattern, tag) !== excludes);
}

function keepsAll({ tags }: HarborRule): boolean {
  return coverOfAll(tags.map(({ excludes, pattern }) => (excludes ? inverse(coverOfTags(pattern)) : coverOfTags(pattern)))) === 'all';
}
