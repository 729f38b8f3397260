import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer } from '../http/exchange.ts';
import type { RemoteRegistry } from '../remote-registry.ts';

/** A pattern that has to match, or one that must not. */
export interface HarborSelector {
  readonly excludes: boolean;
  readonly pattern: string;
}

/** One rule of a Harbor project's tag retention: from the repositories that some rule is for, what no rule retains is removed. */
export interface HarborRule {
  /** `always`, `latestPushedK`, `nDaysSinceLastPush`, `latestPulledN`, `nDaysSinceLastPull`. */
  readonly template: string;
  /** By their names below the project; all must fit. */
  readonly repositories: readonly HarborSelector[];
  /** All must fit. */
  readonly tags: readonly HarborSelector[];
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

function ruleOf({ template, scope_selectors: scope, tag_selectors: tags }: Record<string, unknown>): HarborRule {
  return { template: String(template), repositories: selectorsOf(record(scope)['repository'], 'repoExcludes'), tags: selectorsOf(tags, 'excludes') };
}

function selectorsOf(selectors: unknown, exclusion: string): readonly HarborSelector[] {
  return (Array.isArray(selectors) ? selectors : []).map(record).map(({ decoration, pattern }) => ({ excludes: decoration === exclusion, pattern: String(pattern) }));
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
