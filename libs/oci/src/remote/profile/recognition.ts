import { parseChallenges } from '../auth/challenge.ts';
import { type Answer, headerText } from '../http/exchange.ts';
import { errorCodes } from '../http/failures.ts';
import { PULL, type RepositoryEndpoint } from '../repository-endpoint.ts';
import type { Product } from './registry-profile.ts';

/** A repository of nobody: only to see how a question about it is answered. */
export const NOBODYS_REPOSITORY = 'system/recognise';

/**
 * Which registry it is, from its answers to at most two GETs; null where they do not tell. The first one is asked as a stranger,
 * because what a registry wants of strangers names some of them. Hosted ones are not told apart: whoever uses them knows.
 * @param endpoint of {@link NOBODYS_REPOSITORY}.
 * @throws ProxyError what the registry fails with.
 */
export async function recogniseProduct(endpoint: RepositoryEndpoint, signal: AbortSignal | undefined): Promise<Product | null> {
  const { registry } = endpoint.client;
  const subject = `asking ${registry.host} which registry it is`;
  const stranger = await endpoint.client.askBare({ method: 'GET', url: new URL('/v2/', registry), subject, access: null, signal });
  const challenges = parseChallenges(stranger.headers['www-authenticate']);
  const services = challenges.flatMap(({ parameters }) => parameters.get('service') ?? []);
  if (services.includes('harbor-registry')) {
    return 'harbor';
  }
  // Tokens of another service, and a service that Basic names: registries in front of which somebody put something, or hosted ones.
  if (services.length > 0 || challenges.some(({ scheme }) => scheme === 'bearer') || (stranger.status !== 200 && stranger.status !== 401)) {
    return null;
  }
  return looksLikeDistribution(stranger) ? distribution(endpoint, signal) : zot(endpoint, signal);
}

/** Its header is in every answer of distribution; zot sends it with an empty answer, and not at all with a refusal. */
function looksLikeDistribution({ status, headers, bytes }: Answer): boolean {
  const versioned = headerText(headers, 'docker-distribution-api-version') !== null && headerText(headers, 'gitlab-container-registry-version') === null;
  return versioned && (status === 401 || bytes.toString().trim() === '{}');
}

/** Only since 3 it looks at `n`, and refuses a negative one. */
async function distribution(endpoint: RepositoryEndpoint, signal: AbortSignal | undefined): Promise<Product | null> {
  const answer = await endpoint.client.ask(endpoint.request({ method: 'GET', path: 'tags/list?n=-1', operation: 'listing tags', actions: PULL, signal }));
  const codes = errorCodes(answer.bytes);
  if (answer.status === 400 && codes.includes('PAGINATION_NUMBER_INVALID')) {
    return 'distribution-3';
  }
  return answer.status === 404 && codes.includes('NAME_UNKNOWN') ? 'distribution-2' : null;
}

/** It lists its extensions, one of which has its name. */
async function zot(endpoint: RepositoryEndpoint, signal: AbortSignal | undefined): Promise<Product | null> {
  const { client } = endpoint;
  const url = new URL('/v2/_oci/ext/discover', client.registry);
  const answer = await client.ask({ method: 'GET', url, subject: `asking ${client.registry.host} for its extensions`, access: null, signal });
  return answer.status === 200 && !answer.foreign && /"name"\s*:\s*"_zot"/.test(answer.bytes.toString()) ? 'zot' : null;
}
