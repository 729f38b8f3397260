import { adviceFor, creationAdvice } from './product-advice.ts';
import { judged, type Patient, type Requirement, requirement } from './verdict.ts';

const CERTIFICATE = /CERT|UNABLE_TO|SELF_SIGNED|ERR_TLS/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const MAX_SKEW_MS = 60_000;
const SLOW_MS = 250;

/** That we get in, and may do what we do there. */
export const ACCESS_REQUIREMENTS: readonly Requirement[] = [
  requirement({
    id: 'reachable', weight: 'must', topic: 'reachable', requirement: 'The registry answers',
    complaint: (reachable, patient) => (reachable ? null : { effect: 'Nothing is stored, and nothing that is stored is served, but for what is cached.', advice: [CERTIFICATE.test(patient.details('reachable')) ? 'Name the CA of its certificate in CONFIG_FILE, storage.caFile; or check the host name in STORAGE_URL.' : 'Check host and port of STORAGE_URL, and that this machine may reach it.'] }),
  }),
  requirement({
    id: 'credential', weight: 'must', topic: 'credential', requirement: 'It takes our credential',
    complaint: (taken) => (taken ? null : { effect: 'Nothing is stored or served.', advice: ['Correct STORAGE_USERNAME and STORAGE_PASSWORD, or storage.credentials in CONFIG_FILE, or run docker login where none of them is set.'] }),
  }),
  requirement({
    id: 'pull', weight: 'must', topic: 'pull', requirement: 'Our credential may read',
    complaint: (allowed, { product }) => (allowed ? null : { effect: 'Nothing that is stored is served.', advice: [adviceFor('rights', product, 'Give it the right to pull below the prefix of STORAGE_URL.')] }),
  }),
  requirement({ id: 'push', weight: 'must', topic: 'push', requirement: 'Our credential may write', complaint: mayPush }),
  requirement({
    id: 'missing-repository', weight: 'must', topic: 'missingRepository', requirement: 'It says of what is not there that it is not there',
    complaint: (said, { product }) => (said === 'denied' ? { effect: 'Asked for a package that is not stored yet, it says that we may not see it: the first download of every package fails.', advice: [adviceFor('rights', product, 'Give our credential rights to everything below the prefix of STORAGE_URL, also to repositories that are not there yet.')] } : null),
  }),
  requirement({
    id: 'strangers-push', weight: 'should', topic: 'strangersPush', requirement: 'Strangers may not write',
    complaint: (may, { url }) => (may ? { effect: 'Whoever reaches the registry can replace packages behind our back, whatever our own rules say.', advice: ['Let the registry ask for a credential, or let nobody but these processes reach it.'], ...(LOOPBACK.test(url.hostname) && { weight: 'nice' as const }) } : null),
  }),
  requirement({
    id: 'strangers-pull', weight: 'should', topic: 'strangersPull', requirement: 'Strangers may not read',
    complaint: (may, { url }) => (may ? { effect: 'Whoever reaches the registry can read private packages, whatever our own rules say.', advice: ['Let the registry ask for a credential also to read, or keep only public packages in it.'], ...(LOOPBACK.test(url.hostname) && { weight: 'nice' as const }) } : null),
  }),
  encryption,
  requirement({
    id: 'clock', weight: 'should', topic: 'clockSkewMs', requirement: 'Its clock is ours, within a minute',
    complaint: (skew) => (Math.abs(skew) <= MAX_SKEW_MS ? null : { effect: `The clocks are ${Math.round(Math.abs(skew) / 1000)} s apart: tokens and links seem expired or not valid yet, and times of publishing are wrong.`, advice: ['Let both machines take their time from the same service (NTP).'] }),
  }),
  requirement({
    id: 'latency', weight: 'nice', topic: 'latencyMs', requirement: 'It answers within 250 ms',
    complaint: (ms) => (ms <= SLOW_MS ? null : { effect: `A request takes ${ms} ms, and a package that nobody asked for lately needs three, one after the other.`, advice: ['Run these processes near the registry, or the registry near them.'] }),
  }),
];

function mayPush(allowed: boolean, patient: Patient): ReturnType<Parameters<typeof requirement<'push'>>[0]['complaint']> {
  if (allowed) {
    return null;
  }
  const effect = 'Publishing fails, and nothing that comes from upstream is kept.';
  if (patient.details('push').includes('405')) {
    return { effect, advice: ['The registry takes no writes: end its read-only or maintenance mode.', 'Front ends with publishing switched off may run so, the worker may not.'] };
  }
  return { effect, advice: [adviceFor('rights', patient.product, 'Give our credential the rights to pull and push below the prefix of STORAGE_URL.'), creationAdvice(patient.product), 'Front ends with publishing switched off may run on a credential that only reads, the worker may not.'] };
}

function encryption({ url }: Patient): ReturnType<Requirement> {
  const isOpen = url.protocol === 'http:' && !LOOPBACK.test(url.hostname);
  const about = { id: 'encryption', weight: 'should' as const, requirement: 'What goes there is encrypted, or stays on this machine', found: `STORAGE_URL is ${url.protocol.slice(0, -1)}` };
  return judged(about, isOpen ? { effect: 'Whoever listens on the way reads packages and our credential.', advice: ['Serve the registry by https, and say https in STORAGE_URL; a CA of your own goes into storage.caFile.'] } : null);
}
