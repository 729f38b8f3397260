import { ProxyError } from '@oci-package-proxy/errors';

import type { SourceDistribution, WheelDistribution } from '../names/filename.ts';
import { normalizedName } from '../names/project-name.ts';
import { parseVersion } from '../names/version.ts';
import { shown } from './archive/archive-failure.ts';
import type { UploadBody } from './upload-body.ts';
import type { UploadFields } from './upload-fields.ts';
import type { UploadFile } from './upload-file.ts';
import { agreedDistribution } from './upload-filename.ts';

const RETIRED_ACTIONS = ['submit', 'submit_pkg_info', 'doc_upload'];

/** What an upload says of its file, and agrees on. */
export interface UploadForm {
  /** Normalized. */
  readonly name: string;
  /** As it was sent. */
  readonly displayName: string;
  /** As it was sent. */
  readonly version: string;
  readonly filename: string;
  readonly file: UploadFile;
  readonly distribution: WheelDistribution | SourceDistribution;
  /** For files without metadata. */
  readonly requiresPython: string | null;
  /** JSON text, not looked at yet. */
  readonly attestations: string | null;
}

/**
 * Checks what an upload says, without its file.
 * @throws ProxyError `invalid` for what is missing, is wrong or contradicts the filename.
 */
export function uploadForm(fields: UploadFields, content: UploadBody['content']): UploadForm {
  checkAction(fields);
  const displayName = needed(fields, 'name');
  const name = normalizedName(displayName);
  const version = needed(fields, 'version');
  if (parseVersion(version) === null) {
    throw new ProxyError('invalid', `${shown(JSON.stringify(version))} is not a version as PEP 440 has it, such as 1.0, 1.0rc1 or 1.0+local. Change it and build the file again.`);
  }
  if (content === null) {
    throw new ProxyError('invalid', 'The upload has no file: the part content, with a file name, is missing.');
  }
  const { filename, file } = content;
  const distribution = agreedDistribution(filename, { name, version, filetype: fields.get('filetype') });
  return { name, displayName, version, filename, file, distribution, requiresPython: fields.get('requires_python'), attestations: fields.get('attestations') };
}

function checkAction(fields: UploadFields): void {
  const action = fields.get(':action');
  if (action !== null && RETIRED_ACTIONS.includes(action)) {
    throw new ProxyError('invalid', `The action ${action} is no longer there: projects and their descriptions come from the files themselves. Upload the files with a current tool (:action=file_upload).`);
  }
  if (action !== 'file_upload') {
    throw new ProxyError('invalid', `This address takes uploads alone: the field :action must be file_upload${action === null ? '' : `, and is ${shown(JSON.stringify(action))}`}.`);
  }
  const protocol = fields.get('protocol_version');
  if (protocol !== null && protocol !== '1') {
    throw new ProxyError('invalid', `The protocol version ${shown(JSON.stringify(protocol))} is not known here: send protocol_version=1.`);
  }
}

function needed(fields: UploadFields, name: 'name' | 'version'): string {
  const value = fields.get(name);
  if (value === null) {
    throw new ProxyError('invalid', `The upload does not say the ${name} of the project: the field ${name} is missing.`);
  }
  return value;
}
