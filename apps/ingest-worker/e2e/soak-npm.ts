import { createHash } from 'node:crypto';

import { npmPublishBody, type NpmUpstream } from '@oci-package-proxy/testing';

import { ask, AUTHORIZATION, sendJson } from './soak-http.ts';
import type { SoakEcosystem, SoakItem, SoakListing } from './soak-model.ts';

interface Packument {
  readonly _rev?: string;
  readonly name?: string;
  readonly versions?: Readonly<Record<string, { readonly deprecated?: string; readonly name: string; readonly version: string }>>;
  readonly 'dist-tags'?: Readonly<Record<string, string>>;
}

const DIST_TAG = 'soak';

/** The npm registry. `upstream` has the packages `pulled-<number>`, version 1.0.0, from 0 to `pulled`, which is excluded. */
export function soakNpm(upstream: NpmUpstream, pulled: number): SoakEcosystem {
  return {
    name: 'npm',
    payload: (name, version) => {
      const body = npmPublishBody(name, version, { bytes: 2_000 });
      const data = Object.values(body._attachments)[0]?.data ?? '';
      return { identity: hashOf('sha256', Buffer.from(data, 'base64')), body: Buffer.from(JSON.stringify(body)) };
    },
    publish: async (origin, item, { body }) => ask(`${origin}/${item.package}`, { method: 'PUT', headers: { ...AUTHORIZATION, 'content-type': 'application/json' }, body: new Uint8Array(body) }),
    read: async (origin, item) => {
      const answer = await ask(`${origin}/${item.package}/-/${item.package}-${item.version}.tgz`);
      return { ...answer, identity: answer.status === 200 ? hashOf('sha256', answer.bytes) : null };
    },
    list: async (origin, name) => {
      const answer = await ask(`${origin}/${name}`);
      return { ...answer, ...shown(answer.status === 200 ? (JSON.parse(answer.bytes.toString()) as Packument) : {}) };
    },
    remove,
    settingsOf: ({ version }) => [`deprecation ${version}`, `dist-tag ${DIST_TAG}`],
    set: async (origin, { item, setting, value }) =>
      setting.startsWith('dist-tag')
        ? sendJson('PUT', `${origin}/-/package/${item.package}/dist-tags/${DIST_TAG}`, value)
        : sendJson('PUT', `${origin}/${item.package}`, { name: item.package, versions: { [item.version]: { name: item.package, version: item.version, deprecated: value } } }),
    pull: async (origin, random) => {
      const name = `pulled-${Math.floor(random() * pulled)}`;
      const isFile = random() < 0.7;
      const answer = await ask(`${origin}/${name}${isFile ? `/-/${name}-1.0.0.tgz` : ''}`);
      const right = upstream.integrityOf(name, '1.0.0');
      const has = isFile ? `sha512-${hashOf('sha512', answer.bytes, 'base64')}` : integrityIn(answer.bytes, answer.status);
      return { ...answer, wrong: answer.status === 200 && has !== right ? `${name}: ${has} instead of ${right}` : null };
    },
  };
}

/** As `npm unpublish` does: the document without the version, with the revision that was read. */
async function remove(origin: string, item: SoakItem): ReturnType<SoakEcosystem['remove']> {
  const read = await ask(`${origin}/${item.package}?write=true`, { headers: AUTHORIZATION });
  if (read.status !== 200) {
    return read;
  }
  const document = JSON.parse(read.bytes.toString()) as Packument;
  const { [item.version]: gone, ...versions } = document.versions ?? {};
  if (gone === undefined) {
    return { status: 404, text: `${item.version} is not in the document` };
  }
  const address = `${origin}/${item.package}/-rev/${document._rev ?? ''}`;
  // The last version goes with its package.
  return Object.keys(versions).length === 0 ? ask(address, { method: 'DELETE', headers: AUTHORIZATION }) : sendJson('PUT', address, { ...document, versions });
}

function shown(document: Packument): Pick<SoakListing, 'versions' | 'settings'> {
  const settings = new Map<string, string>();
  for (const { version, deprecated } of Object.values(document.versions ?? {})) {
    if (deprecated !== undefined) {
      settings.set(`deprecation ${version}`, deprecated);
    }
  }
  const tagged = document['dist-tags']?.[DIST_TAG];
  if (tagged !== undefined) {
    settings.set(`dist-tag ${DIST_TAG}`, tagged);
  }
  return { versions: new Set(Object.keys(document.versions ?? {})), settings };
}

function integrityIn(bytes: Buffer, status: number): string {
  const document = status === 200 ? (JSON.parse(bytes.toString()) as { versions?: Record<string, { dist?: { integrity?: string } }> }) : {};
  return document.versions?.['1.0.0']?.dist?.integrity ?? 'nothing';
}

function hashOf(algorithm: string, bytes: Buffer, encoding: 'hex' | 'base64' = 'hex'): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}
