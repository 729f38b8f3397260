import { parseChallenges } from '../auth/challenge.ts';
import type { Product } from '../profile/registry-profile.ts';
import type { ProbeSession, Reply } from './probe-session.ts';

/** Labels of host names by which hosted registries are known. */
const LABELS: Readonly<Record<string, Product>> = { azurecr: 'acr', docker: 'docker-hub', ecr: 'ecr', ghcr: 'ghcr', pkg: 'gar', quay: 'quay' };

/** Says which product it seems to be: by how it answers simple questions, by its names, by what it does. */
export async function recognise(session: ProbeSession, stranger: Reply | null): Promise<void> {
  const told = await session.registry.recognise({ signal: session.signal }).catch(() => null);
  if (told !== null) {
    session.found('product', told, 'by how it answers');
    return;
  }
  const named = stranger === null ? null : byName(stranger);
  if (named !== null) {
    session.found('product', named, 'by the names that it gives itself');
    return;
  }
  const behaves = session.isDistribution ? byHabit(session) : null;
  if (behaves !== null) {
    session.found('product', behaves, 'by what it does');
    return;
  }
  session.unknown(['product'], 'nothing about it says which it is');
}

function byName(reply: Reply): Product | null {
  const bearer = parseChallenges(reply.headers['www-authenticate']).map(({ parameters }) => parameters);
  const services = bearer.map((parameters) => parameters.get('service') ?? '');
  if (services.includes('harbor-registry')) {
    return 'harbor';
  }
  const hosts = [reply.url.hostname, ...services, ...bearer.map((parameters) => URL.parse(parameters.get('realm') ?? '')?.hostname ?? '')];
  // The last label is a country or an organisation, and the whole of an internal name says nothing.
  const labels = hosts.flatMap((host) => host.split('.').slice(0, -1));
  const label = labels.find((part) => part in LABELS);
  return (label === undefined ? null : LABELS[label]) ?? null;
}

function byHabit(session: ProbeSession): Product | null {
  if (session.known('referrers') === true) {
    return session.known('deletesTags') === true && session.known('tagOrder') === 'lexical' ? 'zot' : null;
  }
  const pages = session.known('tagPages');
  if (session.known('referrers') !== false || pages === null) {
    return null;
  }
  return pages === 'ignored' ? 'distribution-2' : 'distribution-3';
}
