import { RemoteRegistry, staticCredentials } from '@oci-package-proxy/oci';
import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { harborRetention } from './harbor-retention.ts';
import type { Verdict } from './verdict.ts';

const BASIC = `Basic ${Buffer.from('robot$team+proxy:hunter2').toString('base64')}`;

let server: ScriptedServer;
let registry: RemoteRegistry;

beforeEach(async () => {
  server = await startScriptedServer();
  registry = new RemoteRegistry({ url: `${server.url}/team/packages`, credentials: staticCredentials('robot$team+proxy', 'hunter2') });
});
afterEach(async () => {
  await registry.close();
  await server.stop();
});

interface Rule {
  readonly template: string;
  readonly disabled?: boolean;
  readonly tag_selectors: readonly { readonly decoration: string; readonly pattern: string }[];
}

function matches(template: string, pattern: string, decoration = 'matches'): Rule {
  return { template, tag_selectors: [{ decoration, pattern }] };
}

async function verdict(rules: readonly Rule[] | null, status = 200): Promise<Verdict> {
  server.answer(({ url, headers }, response) => {
    const bodies: Readonly<Record<string, object>> = { '/api/v2.0/projects/team': { metadata: { public: 'false', ...(rules !== null && { retention_id: '7' }) } }, '/api/v2.0/retentions/7': { rules } };
    const body = bodies[url];
    const isKnown = headers.authorization === BASIC && body !== undefined;
    response.writeHead(isKnown ? status : 403).end(JSON.stringify(body));
  });
  return harborRetention(registry, undefined);
}

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
    const denied = await verdict([], 403);

    expect(denied).toMatchObject({ met: null, found: 'reading the rules of project team: our credential may not (403)' });
    expect(JSON.stringify(denied)).not.toContain('hunter2');
  });
});
