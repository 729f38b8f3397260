import { registryProfile, RemoteRegistry, staticCredentials } from '@oci-package-proxy/oci';
import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { harborRetention } from './harbor-retention.ts';
import type { Verdict } from './verdict.ts';

const BASIC = `Basic ${Buffer.from('robot$team+proxy:hunter2').toString('base64')}`;

const ECOSYSTEMS = ['npm', 'pypi', 'system'];

let server: ScriptedServer;
let registry: RemoteRegistry;

beforeEach(async () => {
  server = await startScriptedServer();
  registry = at('/team/packages');
});
afterEach(async () => {
  await registry.close();
  await server.stop();
});

interface Selector {
  readonly kind: 'doublestar';
  readonly decoration: string;
  readonly pattern: string;
}

interface Rule {
  readonly template: string;
  readonly disabled?: boolean;
  readonly tag_selectors: readonly Selector[];
  readonly scope_selectors?: { readonly repository: readonly Selector[] };
}

function at(path: string, names: 'flat' | 'nested' = 'nested'): RemoteRegistry {
  return new RemoteRegistry({ url: `${server.url}${path}`, credentials: staticCredentials('robot$team+proxy', 'hunter2'), profile: registryProfile({ product: 'harbor', overrides: { names } }) });
}

function matches(template: string, pattern: string, decoration = 'matches'): Rule {
  return { template, tag_selectors: [{ kind: 'doublestar', decoration, pattern }] };
}

/** @param scope repository patterns; one that begins with `!` excludes. */
function within(rule: Rule, ...scope: readonly string[]): Rule {
  return { ...rule, scope_selectors: { repository: scope.map((text) => ({ kind: 'doublestar', decoration: text.startsWith('!') ? 'repoExcludes' : 'repoMatches', pattern: text.replace('!', '') })) } };
}

async function verdict(rules: readonly Rule[] | null, { status = 200, project = 'team' } = {}): Promise<Verdict> {
  server.answer(({ url, headers }, response) => {
    const bodies: Readonly<Record<string, object>> = { [`/api/v2.0/projects/${project}`]: { metadata: { public: 'false', ...(rules !== null && { retention_id: '7' }) } }, '/api/v2.0/retentions/7': { rules } };
    const body = bodies[url];
    const isKnown = headers.authorization === BASIC && body !== undefined;
    response.writeHead(isKnown ? status : 403).end(JSON.stringify(body));
  });
  return harborRetention(registry, { ecosystems: ECOSYSTEMS, signal: undefined });
}

const COUNT = matches('latestPushedK', '**');
const KEEP = matches('always', '_*');
const ALL = matches('always', '**');
/** Every tag stays in the catalogue and in the records of the system. */
const SAFE = within(ALL, 'packages/{catalog,system}/**');

describe('the retention rules of a Harbor project', () => {
  it.each<[string, readonly Rule[] | null]>([
    ['are none', null],
    ['are all switched off', [{ ...matches('latestPulledN', '**'), disabled: true }]],
    ['keep ours always, and all beside packages', [COUNT, KEEP, SAFE]],
    ['keep ours among others', [matches('always', '{_*,*.*}'), SAFE]],
    ['keep all but some that are not ours', [matches('always', 'nightly-*', 'excludes'), SAFE]],
    ['keep all', [ALL]],
    ['keep all, and count pushes', [COUNT, ALL]],
    ['keep all beside packages by two rules', [COUNT, KEEP, within(ALL, 'packages/catalog/**'), within(matches('always', '*'), '**/system/**')]],
  ])('are right when they %s', async (_name, rules) => {
    expect(await verdict(rules)).toMatchObject({ met: true, complaint: null });
  });

  it.each<[string, readonly Rule[], RegExp]>([
    ['count pushes of all', [COUNT, SAFE], /^Add a .*: for repositories matching \*\*, retain always, tags matching _\*\.$/],
    ['keep some of ours only', [COUNT, matches('always', '_snapshot'), SAFE], /tags matching _\*\.$/],
    ['keep all but ours', [matches('always', '_*', 'excludes'), SAFE], /tags matching _\*\.$/],
    ['have a pattern that nobody can read', [matches('always', '{_*'), COUNT, SAFE], /tags matching _\*\.$/],
    ['keep no version', [KEEP, SAFE], /^Add a rule that keeps versions /],
    ['keep versions of other names', [matches('always', '{_*,v*}'), SAFE], /^Add a rule that keeps versions /],
    ['remove from the catalogue and the records', [COUNT, KEEP], /^Add .* for repositories matching packages\/system\/\*\*, .* tags matching \*\*;.*\nAdd .* for repositories matching packages\/catalog\/\*\*, .* tags matching \*\*;/],
    ['go by pulls', [matches('nDaysSinceLastPull', '**'), KEEP, SAFE], /^Replace the rules that go by pulls/],
  ])('are wrong when they %s', async (_name, rules, advice) => {
    const { met, complaint, found } = await verdict(rules);

    expect(met).toBe(false);
    expect(complaint?.advice.join('\n')).toMatch(advice);
    expect(found).toMatch(/^retention rules of project team: /);
  });

  it('stay unknown where our credential may not read them', async () => {
    const denied = await verdict([], { status: 403 });

    expect(denied).toMatchObject({ met: null, found: 'reading the rules of project team: our credential may not (403)' });
    expect(JSON.stringify(denied)).not.toContain('hunter2');
  });
});

describe('the repositories that the rules of a Harbor project are for', () => {
  it.each<[string, readonly Rule[]]>([
    ['others of the project', [within(COUNT, 'images/**')]],
    ['all but ours', [within(COUNT, '!packages/**')]],
    ['all, and ours are kept', [within(COUNT, '**'), within(KEEP, 'packages/**'), SAFE]],
    ['all, and each of ours is kept', [within(COUNT, '**'), within(KEEP, 'packages/{npm,pypi}/**'), SAFE]],
    ['all but the catalogue and the records', [within(COUNT, '**', '!packages/{catalog,system}/**'), within(KEEP, 'packages/{npm,pypi}/**')]],
    ['all but those that are not kept', [within(COUNT, '**', '!packages/{pypi,system,catalog}/**'), within(KEEP, 'packages/npm/**')]],
    ['some of ours, and a rule for the same ones keeps ours', [within(COUNT, 'packages/npm/left-*'), within(KEEP, 'packages/npm/left-*')]],
    ['some of ours, and a rule for more of them keeps all', [within(COUNT, 'packages/npm/left-*'), within(ALL, 'packages/npm/**')]],
    ['those of the catalogue, and all of them are kept', [within(COUNT, 'packages/catalog/**'), within(ALL, 'packages/catalog/**')]],
    ['others, by pull', [within(matches('latestPulledN', '**'), 'images/**')]],
  ])('may be %s', async (_name, rules) => {
    expect(await verdict(rules)).toMatchObject({ met: true, complaint: null });
  });

  it('says that they are none of ours', async () => {
    const { found } = await verdict([within(COUNT, 'images/**')]);

    expect(found).toBe('retention rules of project team: latestPushedK of ** for repositories matching images/**; none is for repositories of ours');
  });

  it.each<[string, readonly Rule[], string]>([
    ['all, while some of ours are kept', [within(KEEP, 'packages/pypi/**'), within(COUNT, '**'), SAFE], 'matching **'],
    ['all but others', [within(COUNT, '!images/**'), SAFE], 'excluding images/**'],
    ['all, and those outside of our prefix are kept', [within(COUNT, '**'), within(KEEP, '{npm,pypi}/**'), SAFE], 'matching **'],
    ['all, and all but ours are kept', [within(COUNT, '**'), within(KEEP, '**', '!packages/**'), SAFE], 'matching **'],
    ['those of one ecosystem', [within(COUNT, 'packages/npm/**')], 'matching packages/npm/**'],
  ])('must not be %s', async (_name, rules, scope) => {
    expect(await verdict(rules)).toMatchObject({
      weight: 'must',
      met: false,
      complaint: { effect: expect.stringMatching(/^Deleted versions come back/), advice: [`Add a rule to the tag retention of project team: for repositories ${scope}, retain always, tags matching _*.`] },
    });
  });

  it.each<[string, readonly Rule[], string, string]>([
    ['those of a name that ours may have', [within(COUNT, '**/images'), SAFE], 'matching **/images', 'packages/npm/…, packages/pypi/…'],
    ['some of ours', [within(COUNT, 'packages/npm/left-*')], 'matching packages/npm/left-*', 'packages/npm/…'],
    ['all, while ours are kept to a depth', [within(COUNT, '**'), within(KEEP, 'packages/*/*'), SAFE], 'matching **', 'packages/npm/…, packages/pypi/…'],
    ['all but some of ours', [within(COUNT, 'packages/npm/**', '!packages/npm/types/**')], 'matching packages/npm/** and excluding packages/npm/types/**', 'packages/npm/…'],
    ['those of a pattern that nobody can read', [within(COUNT, '{packages'), SAFE], 'matching {packages', 'packages/npm/…, packages/pypi/…'],
  ])('are for an operator to look at when they are %s', async (_name, rules, scope, places) => {
    expect(await verdict(rules)).toMatchObject({
      weight: 'should',
      met: false,
      complaint: {
        effect: `It cannot be told whether something is removed that must not be, as patterns for repositories fit only some of those that may be there: of ${places}.`,
        advice: [`Look whether the rule for repositories ${scope} is for any of ours that no other rule protects. To be safe, add a rule to the tag retention of project team: for repositories ${scope}, retain always, tags matching _*.`],
      },
    });
  });

  it('are looked at for rules that go by pulls too', async () => {
    const { weight, complaint } = await verdict([within(matches('latestPulledN', '**'), '**/images'), within(ALL, '**')]);

    expect(weight).toBe('should');
    expect(complaint?.advice).toEqual(['Look whether the rule for repositories matching **/images, which goes by pulls, is for any of ours. To be safe, replace it by one that goes by pushes.']);
  });

  it('are below the project where the prefix is the project alone', async () => {
    await registry.close();
    registry = at('/team');

    expect(await verdict([within(COUNT, 'images/**')])).toMatchObject({ met: true });
    expect(await verdict([within(KEEP, 'pypi/**'), within(COUNT, '**')])).toMatchObject({ met: false, weight: 'must' });
    expect(await verdict([COUNT, KEEP, within(ALL, '{catalog,system}/**')])).toMatchObject({ met: true });
  });

  it('have flat names where the profile says so', async () => {
    await registry.close();
    registry = at('/team', 'flat');

    expect(await verdict([within(COUNT, '*'), within(KEEP, '{npm,pypi}-0-*'), within(ALL, '{system,catalog}-0-*')])).toMatchObject({ met: true });
    expect(await verdict([within(COUNT, 'npm-*')])).toMatchObject({ met: false, weight: 'must' });
    expect(await verdict([within(COUNT, '*-lodash')])).toMatchObject({ met: false, weight: 'should' });
    expect(await verdict([within(COUNT, 'npm/**')])).toMatchObject({ met: true });
  });

  it('are not all known where every ecosystem is a project', async () => {
    await registry.close();
    registry = at('');

    expect(await verdict(null, { project: 'system' })).toMatchObject({ met: null, found: 'project system has no retention rules; but STORAGE_URL names no project, and what is not below system/ is in others' });
    expect(await verdict([COUNT], { project: 'system' })).toMatchObject({ met: false, weight: 'must' });
  });
});

describe.each([
  { names: 'nested', at: (first: string) => `packages/${first}/`, ours: (first: string) => `packages/${first}/**` },
  { names: 'flat', at: (first: string) => `packages/${first}-0-`, ours: (first: string) => `packages/${first}-0-*` },
] as const)('what is not a version of a package, where names are $names', ({ names, at: beginning, ours }) => {
  beforeEach(async () => {
    await registry.close();
    registry = at('/team/packages', names);
  });

  it('stays whole in the catalogue and in the records of the system', async () => {
    expect(await verdict([COUNT, KEEP])).toMatchObject({
      weight: 'must',
      met: false,
      complaint: {
        effect: 'Packages vanish from lists when tags of the catalogue are removed. API tokens and other records of the system itself are lost when tags in its repositories are removed.',
        advice: ['system', 'catalog'].map((first) => `Add a rule to the tag retention of project team: for repositories matching ${ours(first)}, retain always, tags matching **; or let no rule be for these repositories.`),
      },
    });
  });

  it.each([
    ['catalog', 'system', /^Packages vanish from lists .* removed\.$/],
    ['system', 'catalog', /^API tokens .* lost .* removed\.$/],
  ])('is asked for in %s alone where all stays in %s', async (lost, kept, effect) => {
    expect(await verdict([COUNT, KEEP, within(ALL, ours(kept))])).toMatchObject({
      weight: 'must',
      complaint: { effect: expect.stringMatching(effect), advice: [expect.stringContaining(`: for repositories matching ${ours(lost)}, retain always`)] },
    });
  });

  it.each<[string, Rule]>([
    ['only tags of ours', KEEP],
    ['all but some', matches('always', 'nightly-*', 'excludes')],
    ['all that is young', matches('nDaysSinceLastPush', '**')],
    ['what nobody can read', matches('always', '{**')],
  ])('is not saved by a rule that keeps %s there', async (_name, rule) => {
    expect(await verdict([within(COUNT, ours('catalog')), within(rule, ours('catalog'))])).toMatchObject({ met: false, weight: 'must' });
  });

  it('is for an operator to look at where a rule may be for it', async () => {
    const some = `${beginning('catalog')}npm*`;

    expect(await verdict([within(COUNT, some)])).toMatchObject({
      weight: 'should',
      complaint: {
        effect: expect.stringMatching(/^It cannot be told /),
        advice: [`Look whether the rule for repositories matching ${some} is for any of ours that no other rule protects. To be safe, add a rule to the tag retention of project team: for repositories matching ${ours('catalog')}, retain always, tags matching **; or let no rule be for these repositories.`],
      },
    });
    expect(await verdict([within(COUNT, some), within(ALL, some)])).toMatchObject({ met: true });
  });

  it('is not all that has to stay', async () => {
    expect(await verdict([within(KEEP, ours('npm'))])).toMatchObject({
      weight: 'must',
      met: false,
      complaint: {
        effect: 'Every version is removed, as no rule retains any: from a repository that a rule is for, Harbor removes what none retains.',
        advice: [`Add a rule that keeps versions to the tag retention of project team: for repositories matching ${ours('npm')}, retain always, tags matching **; or those of some days or some number of pushes, where nothing is published and these are caches only.`],
      },
    });
  });

  it.each<[string, Rule]>([
    ['always', ALL],
    ['by number', COUNT],
    ['by age', matches('nDaysSinceLastPush', '*.*.*')],
    ['but for some', matches('always', '*-nightly.*', 'excludes')],
  ])('leaves versions where a rule keeps them %s', async (_name, rule) => {
    expect(await verdict([within(KEEP, ours('npm')), within(rule, ours('npm'))])).toMatchObject({ met: true });
    expect(await verdict([within(KEEP, ours('npm')), within(rule, 'others/**')])).toMatchObject({ met: false, weight: 'must' });
  });

  it('leaves versions in doubt where a rule keeps those of some', async () => {
    const { weight, complaint } = await verdict([within(KEEP, ours('npm')), within(COUNT, `${beginning('npm')}left-*`)]);

    expect(weight).toBe('should');
    expect(complaint?.advice).toEqual([expect.stringMatching(/^Look whether .* To be safe, add a rule that keeps versions /)]);
  });
});
