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

describe('the retention rules of a Harbor project', () => {
  it.each<[string, readonly Rule[] | null]>([
    ['are none', null],
    ['are all switched off', [{ ...matches('latestPulledN', '**'), disabled: true }]],
    ['keep ours always', [matches('latestPushedK', '**'), matches('always', '_*')]],
    ['keep ours among others', [matches('always', '{_*,v*}')]],
    ['keep all but some that are not ours', [matches('always', 'nightly-*', 'excludes')]],
  ])('are right when they %s', async (_name, rules) => {
    expect(await verdict(rules)).toMatchObject({ met: true, complaint: null });
  });

  it.each<[string, readonly Rule[], RegExp]>([
    ['count pushes of all', [matches('latestPushedK', '**')], /retain always, tags matching _\*\./],
    ['keep some of ours only', [matches('latestPushedK', '**'), matches('always', '_snapshot')], /retain always/],
    ['keep all but ours', [matches('always', '_*', 'excludes')], /retain always/],
    ['have a pattern that nobody can read', [matches('always', '{_*')], /retain always/],
    ['go by pulls', [matches('nDaysSinceLastPull', '**'), matches('always', '_*')], /^Replace the rules that go by pulls/],
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
    ['all, and ours are kept', [within(COUNT, '**'), within(KEEP, 'packages/**')]],
    ['all, and each of ours is kept', [within(COUNT, '**'), within(KEEP, 'packages/{npm,pypi}/**'), within(KEEP, 'packages/{catalog,system}/**')]],
    ['all but those that are not kept', [within(COUNT, '**', '!packages/{pypi,system,catalog}/**'), within(KEEP, 'packages/npm/**')]],
    ['some of ours, and a rule for the same ones keeps ours', [within(COUNT, 'packages/npm/left-*'), within(KEEP, 'packages/npm/left-*')]],
    ['some of ours, and a rule for more of them keeps ours', [within(COUNT, 'packages/npm/left-*'), within(KEEP, 'packages/npm/**')]],
    ['others, by pull', [within(matches('latestPulledN', '**'), 'images/**')]],
  ])('may be %s', async (_name, rules) => {
    expect(await verdict(rules)).toMatchObject({ met: true, complaint: null });
  });

  it('says that they are none of ours', async () => {
    const { found } = await verdict([within(COUNT, 'images/**')]);

    expect(found).toBe('retention rules of project team: latestPushedK of ** for repositories matching images/**; none is for repositories of ours');
  });

  it.each<[string, readonly Rule[], string]>([
    ['all, while some of ours are kept', [within(KEEP, 'packages/pypi/**'), within(COUNT, '**')], 'matching **'],
    ['all but others', [within(COUNT, '!images/**')], 'excluding images/**'],
    ['all, and those outside of our prefix are kept', [within(COUNT, '**'), within(KEEP, '{npm,pypi,system,catalog}/**')], 'matching **'],
    ['all, and all but ours are kept', [within(COUNT, '**'), within(KEEP, '**', '!packages/**')], 'matching **'],
    ['those of one ecosystem', [within(COUNT, 'packages/npm/**')], 'matching packages/npm/**'],
    ['those of the catalogue', [within(COUNT, '**/catalog/**')], 'matching **/catalog/**'],
  ])('must not be %s', async (_name, rules, scope) => {
    expect(await verdict(rules)).toMatchObject({
      weight: 'must',
      met: false,
      complaint: { effect: expect.stringMatching(/^Deleted versions come back/), advice: [`Add a rule to the tag retention of project team: for repositories ${scope}, retain always, tags matching _*.`] },
    });
  });

  it.each<[string, readonly Rule[], string, string]>([
    ['those of a name that ours may have', [within(COUNT, '**/images')], 'matching **/images', 'packages/npm/…, packages/pypi/…, packages/system/…, packages/catalog/…'],
    ['some of ours', [within(COUNT, 'packages/npm/left-*')], 'matching packages/npm/left-*', 'packages/npm/…'],
    ['all, while ours are kept to a depth', [within(COUNT, '**'), within(KEEP, 'packages/*/*')], 'matching **', 'packages/npm/…, packages/pypi/…, packages/system/…, packages/catalog/…'],
    ['all but some of ours', [within(COUNT, 'packages/npm/**', '!packages/npm/types/**')], 'matching packages/npm/** and excluding packages/npm/types/**', 'packages/npm/…'],
    ['those of a pattern that nobody can read', [within(COUNT, '{packages')], 'matching {packages', 'packages/npm/…, packages/pypi/…, packages/system/…, packages/catalog/…'],
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
    const { weight, complaint } = await verdict([within(matches('latestPulledN', '**'), '**/images'), within(KEEP, '**')]);

    expect(weight).toBe('should');
    expect(complaint?.advice).toEqual(['Look whether the rule for repositories matching **/images, which goes by pulls, is for any of ours. To be safe, replace it by one that goes by pushes.']);
  });

  it('are below the project where the prefix is the project alone', async () => {
    await registry.close();
    registry = at('/team');

    expect(await verdict([within(COUNT, 'images/**')])).toMatchObject({ met: true });
    expect(await verdict([within(KEEP, 'pypi/**'), within(COUNT, '**')])).toMatchObject({ met: false, weight: 'must' });
  });

  it('have flat names where the profile says so', async () => {
    await registry.close();
    registry = at('/team', 'flat');

    expect(await verdict([within(COUNT, '*'), within(KEEP, '{npm,pypi,system,catalog}-0-*')])).toMatchObject({ met: true });
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
