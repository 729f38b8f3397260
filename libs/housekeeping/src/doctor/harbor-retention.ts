import { isProxyError } from '@oci-package-proxy/errors';
import { type HarborRule, type HarborRules, readHarborRules, type RemoteRegistry } from '@oci-package-proxy/oci';

import { type Complaint, judged, type Verdict } from './verdict.ts';

/** Tags of ours that must never be removed; one of each kind. */
const OURS = ['_origin', '_e.0000000001.0123456789abcdef', `_t.${'0'.repeat(32)}`, `_h.${'0'.repeat(64)}`, '_snapshot'];
const BY_PULL: ReadonlySet<string> = new Set(['latestPulledN', 'nDaysSinceLastPull']);

/**
 * Whether the retention rules of a Harbor project spare what they must; met is null where they cannot be read.
 * @throws ProxyError `aborted`.
 */
export async function harborRetention(registry: RemoteRegistry, signal: AbortSignal | undefined): Promise<Verdict> {
  const about = { id: 'retention', weight: 'must' as const, requirement: 'Retention rules spare what they must' };
  try {
    const rules = await readHarborRules(registry, signal);
    return judged({ ...about, found: foundIn(rules) }, complaintOf(rules));
  } catch (error) {
    if (!isProxyError(error) || error.code === 'aborted') {
      throw error;
    }
    return { ...about, met: null, found: error.message, complaint: null };
  }
}

function foundIn({ project, retention }: HarborRules): string {
  return retention.length === 0 ? `project ${project} has no retention rules` : `retention rules of project ${project}: ${retention.map(({ template, tags }) => `${template} of ${tags.map(({ excludes, pattern }) => `${excludes ? 'all but ' : ''}${pattern}`).join(', ')}`).join('; ')}`;
}

function complaintOf({ project, retention }: HarborRules): Complaint | null {
  const removed = OURS.filter((tag) => !retention.some((rule) => rule.template === 'always' && fits(rule, tag)));
  const byPull = retention.some(({ template }) => BY_PULL.has(template));
  if (retention.length === 0 || (removed.length === 0 && !byPull)) {
    return null;
  }
  return {
    effect: [...(removed.length > 0 ? ['Deleted versions come back, and deprecations and tags are lost, when our own tags are removed.'] : []), ...(byPull ? ['Packages that are in use are removed, as what we have cached is not pulled again.'] : [])].join(' '),
    advice: [
      ...(removed.length > 0 ? [`Add a rule to the tag retention of project ${project}: for repositories matching **, retain always, tags matching _*.`] : []),
      ...(byPull ? ['Replace the rules that go by pulls by rules that go by pushes.'] : []),
    ],
  };
}

function fits({ tags }: HarborRule, tag: string): boolean {
  return tags.every(({ excludes, pattern }) => globOf(pattern).test(tag) !== excludes);
}

/** Harbor's patterns: `*`, `**`, `?` and `{a,b}`. */
function globOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/[.+^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\*+/g, '.*').replaceAll('?', '.').replaceAll('{', '(?:').replaceAll('}', ')').replaceAll(',', '|');
  return isPattern(source) ? new RegExp(`^(?:${source})$`) : /^$/;
}

function isPattern(source: string): boolean {
  return source.length <= 500 && source.split('(?:').length === source.split(')').length;
}
