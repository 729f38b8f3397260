import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';
import { readJson } from '@oci-package-proxy/platform';

import type { ProjectStatus } from '../model/project-page.ts';
import { STATUS_MARKERS } from './statuses.ts';

const BODY_BYTES = 64 * 1024;

const YankBody = z.strictObject({ reason: z.string().nullish() });
const StatusBody = z.strictObject({ status: z.enum(STATUS_MARKERS), reason: z.string().nullish() });

/**
 * The reason in the body of a yank; empty where there is no body, or no reason in it.
 * @throws ProxyError `invalid` with the name of what is wrong, `unsupported-media-type`, `too-large`.
 */
export async function readYank(request: FastifyRequest): Promise<string> {
  return parsed(YankBody, (await readBody(request)) ?? {}, 'A yank takes a JSON object such as {"reason": "broken on Windows"}, or no body').reason ?? '';
}

/** The status in a body. @throws ProxyError as {@link readYank}. */
export async function readStatus(request: FastifyRequest): Promise<ProjectStatus> {
  const text = `A status takes a JSON object such as {"status": "archived", "reason": "use x"}, with one of ${STATUS_MARKERS.join(', ')}`;
  const { status, reason } = parsed(StatusBody, await readBody(request), text);
  return { status, reason: reason ?? null };
}

async function readBody(request: FastifyRequest): Promise<unknown> {
  const body = await readJson(request, BODY_BYTES);
  // Forms of other sites reach a server that a browser is signed in to, but cannot send this type.
  if (body !== undefined && request.headers['content-type'] === undefined) {
    throw new ProxyError('unsupported-media-type', 'The body has no type: send Content-Type: application/json.');
  }
  return body;
}

function parsed<T>(schema: z.ZodType<T>, body: unknown, text: string): T {
  const result = schema.safeParse(body);
  if (result.success) {
    return result.data;
  }
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new ProxyError('invalid', `${text}. Not known: ${issue.keys.map((key) => JSON.stringify(key.slice(0, 100))).join(', ')}.`);
  }
  const field = issue?.path.join('.') ?? '';
  throw new ProxyError('invalid', field === '' ? `${text}.` : `${text}. Wrong or missing: ${field}.`);
}
