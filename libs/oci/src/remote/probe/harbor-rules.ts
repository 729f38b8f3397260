import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer } from '../http/exchange.ts';
import type { RemoteRegistry } from '../remote-registry.ts';

/** One rule of a Harbor project's tag retention: what no rule retains is removed. */
export interface HarborRule {
  /** `always`, `latestPushedK`, `nDaysSinceLastPush`, `latestPulledN`, `nDaysSinceLastPull`. */
  readonly template: string;
  /** All must fit: a pattern that matches, or one that excludes. */
  readonly tags: readonly { readonly excludes: boolean; readonly pattern: string }[];
}

/** What a Harbor project does on its own. */
export interface HarborRules {
  readonly project: string;
  /** Those that are switched on. */
  readonly retention: readonly HarborRule[];
}

/**
 * Reads the rules of the project that STORAGE_URL names through Harbor's own interface, as the user of our credential; the registry's origin
 * alone is sent it.
 * @throws ProxyError `storage-denied` when it may not be read so, `storage-unavailable`, `aborted`.
 */
export async function readHarborRules(registry: RemoteRegistry, signal?: AbortSignal): Promise<HarborRules> {
  const { client, name } = registry.endpoint('system');
  const [project = ''] = name.split('/');
  const get = async (path: string): Promise<unknown> => {
    const url = new URL(`/api/v2.0/${path}`, client.registry);
    return parsed(await client.askAsUser({ method: 'GET', url, subject: `reading the rules of project ${project}`, access: null, ...(signal !== undefined && { signal }) }), project);
  };
  const { metadata } = record(await get(`projects/${encodeURIComponent(project)}`));
  const { retention_id: id } = record(metadata);
  const hasRetention = (typeof id === 'string' || typeof id === 'number') && /^\d{1,15}$/.test(String(id));
  const { rules } = hasRetention ? record(await get(`retentions/${id}`)) : { rules: [] };
  const on = (Array.isArray(rules) ? rules : []).map(record).filter(({ disabled }) => disabled !== true);
  return { project, retention: on.map(ruleOf) };
}

function ruleOf({ template, tag_selectors: selectors }: Record<string, unknown>): HarborRule {
  const tags = (Array.isArray(selectors) ? selectors : []).map(record).map(({ decoration, pattern }) => ({ excludes: decoration === 'excludes', pattern: String(pattern) }));
  return { template: String(template), tags };
}

function parsed(answer: Answer, project: string): unknown {
  if (answer.status === 401 || answer.status === 403) {
    throw new ProxyError('storage-denied', `reading the rules of project ${project}: our credential may not (${answer.status})`);
  }
  try {
    if (answer.status === 200) {
      return JSON.parse(answer.bytes.toString());
    }
  } catch {
    // Said below.
  }
  throw new ProxyError('storage-unavailable', `reading the rules of project ${project}: answered ${answer.status}`);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
