import { z } from 'zod';

const TEXT = 'must be text';
const OBJECT = 'must be an object';

const VersionManifest = z.looseObject({
  name: z.string(TEXT).optional(),
  version: z.string(TEXT).optional(),
  dist: z.looseObject({ integrity: z.string(TEXT).nullish(), shasum: z.string(TEXT).nullish() }, OBJECT).nullish(),
}, OBJECT);

/** The manifest of one version, as a client sends it. Only what is looked at is checked. */
export type VersionManifest = z.output<typeof VersionManifest>;

/**
 * What `PUT /:pkg` carries, whatever it is meant to do. Old documents hold values of all kinds, so only the members that
 * are looked at are checked.
 */
export const PublishDocument = z.looseObject({
  name: z.string(TEXT).optional(),
  _id: z.string(TEXT).optional(),
  _rev: z.string(TEXT).optional(),
  'dist-tags': z.record(z.string(), z.string(TEXT), OBJECT).nullish(),
  versions: z.record(z.string(), VersionManifest, OBJECT).nullish(),
  _attachments: z.record(z.string(), z.looseObject({ content_type: z.string(TEXT).nullish(), length: z.number('must be a number').nullish(), data: z.unknown() }, OBJECT), OBJECT).nullish(),
}, 'must be a JSON object');

/** See the schema of the same name. */
export type PublishDocument = z.output<typeof PublishDocument>;
