import { ProxyError } from '@oci-package-proxy/errors';

import { parseChallenges } from '../auth/challenge.ts';
import { headerText } from '../http/exchange.ts';
import { saysMissing } from '../http/failures.ts';
import { isDenied, type ProbeSession, type Reply } from './probe-session.ts';
import type { ScratchRepository } from './scratch-repository.ts';

const LATENCIES = 5;

/** What a stranger is told at `/v2/`: whether there is a registry, what it asks for, what time it has. */
export async function probeConnection(session: ProbeSession, scratch: ScratchRepository): Promise<Reply | null> {
  const { registry } = scratch.endpoint.client;
  const before = Date.now();
  const reply = await session.sendBare(scratch.endpoint, { method: 'GET', path: new URL('/v2/', registry), operation: `asking ${registry.host} for /v2/`, actions: [] }).catch((error: unknown) => {
    session.found('reachable', false, error instanceof ProxyError ? error.message : 'no answer');
    return null;
  });
  const after = Date.now();
  if (reply === null) {
    return null;
  }
  if (reply.status !== 200 && reply.status !== 401 && reply.status !== 403) {
    session.found('reachable', false, `${registry.host} answers ${reply.said} at /v2/, as no registry does`);
    return null;
  }
  session.found('reachable', true, `${registry.host} answers at /v2/`);
  const date = Date.parse(headerText(reply.headers, 'date') ?? '');
  if (Number.isNaN(date)) {
    session.unknown(['clockSkewMs'], 'its answers carry no date');
  } else {
    // The header has whole seconds, rounded down.
    session.found('clockSkewMs', Math.round(date + 500 - (before + after) / 2), `it was ${new Date(date).toISOString()} there`);
  }
  if (reply.status === 401) {
    session.found('authentication', challengeOf(reply), challengeText(reply));
  }
  return reply;
}

/** Whether the registry takes our credential, and how quick it is. */
export async function probeCredential(session: ProbeSession, scratch: ScratchRepository): Promise<void> {
  const { client } = scratch.endpoint;
  const times: number[] = [];
  for (let turn = 0; turn <= LATENCIES; turn += 1) {
    const begun = performance.now();
    const reply = await session.send(scratch.endpoint, { method: 'GET', path: new URL('/v2/', client.registry), operation: `asking ${client.registry.host} for /v2/`, actions: [] });
    if (reply.status !== 200) {
      session.found('credential', false, `/v2/ is answered ${reply.said} with our credential`);
      return;
    }
    // The first one opens the connection, and gets the token.
    times.push(...(turn === 0 ? [] : [performance.now() - begun]));
  }
  session.found('credential', true, session.known('authentication') === null ? '/v2/ asks for none' : '/v2/ takes it');
  const median = times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
  session.found('latencyMs', Math.round(median * 10) / 10, `median of ${times.length} requests, one after the other`);
}

/** What a list says of a repository that is not there, and whether we may read at all. */
export async function probeMissing(session: ProbeSession, { scratch, missing }: { readonly scratch: ScratchRepository; readonly missing: ScratchRepository }): Promise<void> {
  const own = await scratch.page('tags/list');
  const mayPull = !isDenied(own);
  session.found('pull', mayPull, `a tag list of ${scratch.endpoint.name} is answered ${own.said}`);
  const reply = await missing.page('tags/list');
  const details = `a tag list of ${missing.endpoint.name} is answered ${reply.said}`;
  if (saysMissing(reply)) {
    session.found('missingRepository', 'not-found', details);
  } else if (reply.status === 200) {
    session.found('missingRepository', 'empty', details);
  } else if (isDenied(reply)) {
    session.found('missingRepository', 'denied', details);
  } else {
    session.unknown(['missingRepository'], details);
  }
}

/** What an answer asks a stranger for. */
export function challengeOf(reply: Reply): 'basic' | 'bearer' | 'other' {
  const schemes = parseChallenges(reply.headers['www-authenticate']).map(({ scheme }) => scheme);
  if (schemes.includes('bearer')) {
    return 'bearer';
  }
  return schemes.includes('basic') ? 'basic' : 'other';
}

/** The same in words. */
export function challengeText(reply: Reply): string {
  const challenges = parseChallenges(reply.headers['www-authenticate']).slice(0, 3);
  const texts = challenges.map(({ scheme, parameters }) => {
    const realm = URL.parse(parameters.get('realm') ?? '');
    return scheme === 'bearer' && realm !== null ? `Bearer tokens of ${realm.host}${realm.pathname}` : scheme;
  });
  return texts.length === 0 ? 'refuses strangers, and does not say what it wants' : `asks for ${texts.join(' or ')}`;
}
