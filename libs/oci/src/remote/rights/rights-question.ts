import { ProxyError } from '@oci-package-proxy/errors';

import type { Access } from '../auth/scope.ts';
import { type Answer, headerText, type RegistryRequest } from '../http/exchange.ts';
import { errorCodes, statusFailure } from '../http/failures.ts';
import { resolveLocation } from '../http/location.ts';
import { grantedActions, grants } from './granted-actions.ts';
import type { RepositoryAction, RightsAnswer } from './registry-rights.ts';
import type { ShownCredential, Ticket } from './shown-credential.ts';

/** No content has it, so that nothing can be deleted by it. */
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

/** What is to be found out. */
export interface Question {
  readonly shown: ShownCredential;
  readonly registry: URL;
  readonly action: RepositoryAction;
  /** Full name. */
  readonly repository: string;
}

const ACTIONS = { pull: ['pull'], push: ['pull', 'push'], delete: ['delete', 'pull', 'push'] } as const satisfies Record<RepositoryAction, Access['actions']>;

/**
 * Whether a credential may do something: what the token says that was given for it, where it says so; else by a request that needs the right
 * and changes nothing.
 * @throws ProxyError `storage-unavailable`, `storage-denied`.
 */
export async function rightsQuestion(question: Question): Promise<RightsAnswer> {
  const { shown, action, repository } = question;
  const ticket = await shown.ticket(accessOf(question));
  if (ticket === null) {
    return 'no';
  }
  const granted = ticket.kind === 'bearer' ? grantedActions(ticket.token, repository) : null;
  if (granted !== null) {
    return grants(granted, action) ? 'yes' : 'no';
  }
  switch (action) {
    case 'pull':
      return mayPull(question, ticket);
    case 'push':
      return mayPush(question, ticket);
    case 'delete':
      return mayDelete(question, ticket);
  }
}

async function mayPull(question: Question, ticket: Ticket): Promise<RightsAnswer> {
  const request = requestOf(question, 'GET', 'tags/list?n=1');
  const answer = await question.shown.ask(request, ticket);
  if (answer?.status !== 200) {
    return refusalIn(answer, request);
  }
  // A gateway's page is no list of tags.
  if (!/json/i.test(headerText(answer.headers, 'content-type') ?? '')) {
    throw new ProxyError('storage-unavailable', `${request.subject}: what ${request.url.host} sent is no tag list; is the storage URL that of a registry?`);
  }
  return 'yes';
}

/** An upload that begins needs the right to push; it is given up at once, and nothing was sent. */
async function mayPush(question: Question, ticket: Ticket): Promise<RightsAnswer> {
  const request = requestOf(question, 'POST', 'blobs/uploads/');
  const answer = await question.shown.ask(request, ticket);
  if (answer?.status !== 202) {
    return refusalIn(answer, request);
  }
  await giveUp(question, answer, ticket);
  return 'yes';
}

/** A manifest that nobody can have is to be deleted: who may not is told so before it is looked for. */
async function mayDelete(question: Question, ticket: Ticket): Promise<RightsAnswer> {
  const request = requestOf(question, 'DELETE', `manifests/${NO_DIGEST}`);
  const answer = await question.shown.ask(request, ticket);
  switch (answer?.status) {
    case 202:
    case 404:
      return 'yes';
    case 400:
    case 405:
    case 501:
      return 'unsaid';
    default:
      return refusalIn(answer, request);
  }
}

function refusalIn(answer: Answer | null, request: RegistryRequest): RightsAnswer {
  // NAME_UNKNOWN behind a 401 or 403 may stand for what is only hidden.
  if (answer === null || answer.status === 401 || answer.status === 403) {
    return 'no';
  }
  if (answer.status === 404) {
    return 'missing';
  }
  const failure = statusFailure(answer, request.subject);
  const codes = errorCodes(answer.bytes).join(', ');
  throw new ProxyError('storage-unavailable', `${request.subject}: ${request.url.host} answered ${answer.status}${codes === '' ? '' : ` (${codes})`}, which says nothing of rights`, { cause: failure });
}

/** Registries clean up by themselves, though late: what fails here fails nothing. */
async function giveUp(question: Question, answer: Answer, ticket: Ticket): Promise<void> {
  const { shown, registry } = question;
  const stated = headerText(answer.headers, 'location');
  const url = stated === null ? null : resolveLocation(stated, answer.url, registry);
  if (url === null || url.origin !== registry.origin) {
    return;
  }
  // distribution takes it for a deletion, and names that right when it refuses: `ask` then asks for it.
  await shown.ask({ ...requestOf(question, 'DELETE', 'blobs/uploads/'), url }, ticket).catch(() => null);
}

function accessOf({ repository, action }: Question): Access {
  return { repository, actions: ACTIONS[action] };
}

function requestOf(question: Question, method: RegistryRequest['method'], path: string): RegistryRequest {
  const { registry, repository } = question;
  return { method, url: new URL(`/v2/${repository}/${path}`, registry), subject: `asking ${registry.host} for rights in ${repository}`, access: accessOf(question) };
}
