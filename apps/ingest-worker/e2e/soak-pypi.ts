import { createHash, randomBytes } from 'node:crypto';

import { type PackageFile, pypiUploadBody, wheelFile } from '@oci-package-proxy/testing';

import { ask, AUTHORIZATION, sendJson } from './soak-http.ts';
import type { SoakEcosystem } from './soak-model.ts';

interface Page {
  readonly files: readonly { readonly filename: string; readonly yanked: boolean | string }[];
}

/** The Python index. Upstream has `pulled`. */
export function soakPypi(pulled: readonly PackageFile[]): SoakEcosystem {
  return {
    name: 'pypi',
    payload: (name, version) => {
      const file = wheelFile({ name, version, files: { 'noise.bin': randomBytes(2_000) } });
      const { contentType, body } = pypiUploadBody({ file });
      return { identity: file.sha256, body: Buffer.concat([Buffer.from(`${contentType}\n`), body]) };
    },
    publish: async (origin, _item, { body }) => {
      const end = body.indexOf(10);
      const headers = { ...AUTHORIZATION, 'content-type': body.subarray(0, end).toString() };
      return ask(`${origin}/legacy/`, { method: 'POST', headers, body: new Uint8Array(body.subarray(end + 1)) });
    },
    read: async (origin, item) => {
      const answer = await ask(`${origin}/files/${item.package}/${filenameOf(item.package, item.version)}`);
      return { ...answer, identity: answer.status === 200 ? sha256Of(answer.bytes) : null };
    },
    list: async (origin, name) => {
      const answer = await ask(`${origin}/simple/${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
      const { files } = answer.status === 200 ? (JSON.parse(answer.bytes.toString()) as Page) : { files: [] };
      const yanks = files.filter(({ yanked }) => yanked !== false).map(({ filename, yanked }) => [`yank ${versionIn(filename)}`, String(yanked)] as const);
      return { ...answer, versions: new Set(files.map(({ filename }) => versionIn(filename))), settings: new Map(yanks) };
    },
    remove: async (origin, item) => ask(`${origin}/api/v1/pypi/projects/${item.package}/files/${filenameOf(item.package, item.version)}`, { method: 'DELETE', headers: AUTHORIZATION }),
    settingsOf: ({ version }) => [`yank ${version}`],
    set: async (origin, { item, value }) => sendJson('PUT', `${origin}/api/v1/pypi/projects/${item.package}/files/${filenameOf(item.package, item.version)}/yank`, { reason: value }),
    pull: async (origin, random) => {
      const file = pulled[Math.floor(random() * pulled.length)];
      const name = file?.filename.split('-')[0]?.replaceAll('_', '-') ?? '';
      const isFile = random() < 0.7;
      const answer = await ask(isFile ? `${origin}/files/${name}/${file?.filename}` : `${origin}/simple/${name}/`);
      const isRight = isFile ? sha256Of(answer.bytes) === file?.sha256 : answer.bytes.includes(file?.sha256 ?? '');
      return { ...answer, wrong: answer.status === 200 && !isRight ? `${file?.filename}: other bytes, or not on its page` : null };
    },
  };
}

function filenameOf(name: string, version: string): string {
  return `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
}

function versionIn(filename: string): string {
  return filename.split('-')[1] ?? '';
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
