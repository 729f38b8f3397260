import { CLUSTER_ADMIN_TOKEN } from '@oci-package-proxy/testing';

import type { SoakAnswer } from './soak-model.ts';

/** The longest that anybody waits for an answer, in milliseconds. */
export const PATIENCE_MS = 120_000;

/** The operator's headers. */
export const AUTHORIZATION: Readonly<Record<string, string>> = { authorization: `Bearer ${CLUSTER_ADMIN_TOKEN}` };

/** Asks, and reads the answer to its end. @throws where there is no whole answer. */
export async function ask(url: string, request: RequestInit = {}): Promise<SoakAnswer & { readonly bytes: Buffer; readonly headers: Headers }> {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, text: answer.ok ? '' : bytes.toString(), bytes, headers: answer.headers };
}

/** Sends JSON as the operator. */
export async function sendJson(method: string, url: string, body: unknown): Promise<SoakAnswer> {
  return ask(url, { method, headers: { ...AUTHORIZATION, 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
