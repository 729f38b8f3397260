import { createHash, randomBytes } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';

import { moduleArchive } from '@oci-package-proxy/testing';

import { ask, AUTHORIZATION } from './soak-http.ts';
import type { SoakEcosystem } from './soak-model.ts';

/** Modules of the Terraform registry; nothing is pulled through. */
export function soakTerraform(): SoakEcosystem {
  return {
    name: 'terraform',
    payload: (_name, version) => {
      const text = Buffer.from(`# ${version} ${randomBytes(600).toString('base64')}\n`);
      return { identity: sha256Of(text), body: moduleArchive({ files: { 'main.tf': text } }).bytes };
    },
    publish: async (origin, item, { body }) =>
      ask(`${origin}/api/v1/terraform/modules/${addressOf(item.package)}/${item.version}`, { method: 'PUT', headers: { ...AUTHORIZATION, 'content-type': 'application/octet-stream' }, body: new Uint8Array(body) }),
    read: async (origin, item) => {
      const url = `${origin}/modules/v1/${addressOf(item.package)}/${item.version}/download`;
      const said = await ask(url);
      if (said.status !== 200 && said.status !== 204) {
        return { ...said, identity: null };
      }
      const archive = await ask(new URL(said.headers.get('x-terraform-get') ?? '', url).href);
      return { ...archive, identity: archive.status === 200 ? sha256Of(firstFile(archive.bytes)) : null };
    },
    list: async (origin, name) => {
      const answer = await ask(`${origin}/modules/v1/${addressOf(name)}/versions`);
      const { modules } = answer.status === 200 ? (JSON.parse(answer.bytes.toString()) as { modules: readonly { versions: readonly { version: string }[] }[] }) : { modules: [] };
      return { ...answer, versions: new Set(modules.flatMap(({ versions }) => versions.map(({ version }) => version))), settings: new Map() };
    },
    remove: async (origin, item) => ask(`${origin}/api/v1/terraform/modules/${addressOf(item.package)}/${item.version}`, { method: 'DELETE', headers: AUTHORIZATION }),
    settingsOf: () => [],
    set: async () => Promise.reject(new Error('nothing can be set')),
    pull: async () => Promise.resolve({ status: 200, text: '', wrong: null }),
  };
}

function addressOf(name: string): string {
  return `acme/${name}/aws`;
}

/** The content of the first file of a zip, as its central directory says */
function firstFile(zip: Buffer): Buffer {
  const directory = zip.readUInt32LE(zip.lastIndexOf('PK\x05\x06', undefined, 'latin1') + 16);
  const header = zip.readUInt32LE(directory + 42);
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const content = zip.subarray(start, start + zip.readUInt32LE(directory + 20));
  return zip.readUInt16LE(directory + 10) === 0 ? content : inflateRawSync(content);
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
