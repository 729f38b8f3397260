import { z } from 'zod';

import { DEFAULT } from '../model/holdings.ts';
import { plainUrl } from './plain-url.ts';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const MAX_NAME_LENGTH = 64;
/** What the path of an index may go on with, and what an index therefore cannot be called. */
const RESERVED = new Set(['simple', 'legacy', 'files', 'pypi', 'integrity', 'api']);

const Globs = z.array(z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters'));

const UpstreamUrl = z.string().transform((text, context) => {
  const url = plainUrl(text);
  if (url === null) {
    context.addIssue({ code: 'custom', message: 'must be an http:// or https:// URL without user, password, query and fragment; credentials go to CONFIG_FILE.upstreams' });
    return z.NEVER;
  }
  return url;
});

const Index = z.strictObject({
  /** Whether it shows what is published here. */
  published: z.boolean().default(true),
  /** Whether files may be uploaded to it; default: where it shows them. */
  upload: z.boolean().optional(),
  /** Ids of upstreams, in their order. */
  upstreams: z.array(z.string()),
  /** Globs of the projects that it shows at all. */
  packages: Globs.default(['**']),
  /** Globs of the projects whose files published here and upstream's are shown together. */
  merge: Globs.default([]),
});

const Section = z.strictObject({
  /** Upstreams besides `default`, which PYPI_UPSTREAM_URL names, by id. */
  upstreams: z.record(z.string(), UpstreamUrl).default({}),
  /** Indexes by name; `default` is the one at the base path. */
  indexes: z.record(z.string(), Index).default({}),
});

/** What CONFIG_FILE says below `ecosystems.pypi`. */
export const PYPI_SECTION = Section.superRefine((section, context) => {
  const known = new Set([DEFAULT, ...Object.keys(section.upstreams)]);
  const complain = (path: readonly (string | number)[], message: string): void => context.addIssue({ code: 'custom', path: [...path], message });
  for (const id of Object.keys(section.upstreams)) {
    checkName(id, id === DEFAULT, (message) => complain(['upstreams', id], message));
  }
  for (const [name, index] of Object.entries(section.indexes)) {
    checkName(name, RESERVED.has(name), (message) => complain(['indexes', name], message));
    checkIndex(index, known, (key, message) => complain(['indexes', name, key], message));
  }
}).prefault({});

/** {@link PYPI_SECTION}, read. */
export type PypiSection = z.output<typeof PYPI_SECTION>;

function checkName(name: string, isReserved: boolean, complain: (message: string) => void): void {
  if (!NAME.test(name) || name.length > MAX_NAME_LENGTH) {
    complain(`is no name: use lower-case letters, digits and single dashes, at most ${MAX_NAME_LENGTH}`);
  } else if (isReserved) {
    complain('is a reserved name: choose another one');
  }
}

function checkIndex(index: z.output<typeof Index>, known: ReadonlySet<string>, complain: (key: string, message: string) => void): void {
  if (index.upstreams.some((id) => !known.has(id))) {
    complain('upstreams', 'names an upstream that is not declared in ecosystems.pypi.upstreams (default always is)');
  }
  if (new Set(index.upstreams).size < index.upstreams.length) {
    complain('upstreams', 'names an upstream twice');
  }
  if (!index.published && index.upload === true) {
    complain('upload', 'needs published: true, else nobody would see what is uploaded');
  }
  if (!index.published && index.merge.length > 0) {
    complain('merge', 'needs published: true, else there is nothing to merge');
  }
}
