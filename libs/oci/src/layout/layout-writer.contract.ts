// The program of a child process of layout-processes.spec.ts: writes packages until it is told to stop, and says what was acknowledged.
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { LayoutRegistry } from './layout-registry.ts';

const [directory = '', name = '', writer = ''] = process.argv.slice(2);
const registry = new LayoutRegistry({ directory });
const repository = registry.repository(name);
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});

/** In one piece and at once: what a killed process said, it said. */
function say(word: string, tag: string, digest: string): void {
  writeSync(1, `${word} ${tag} ${digest}\n`);
}

async function upload(label: string): Promise<ManifestBytes> {
  const files = [randomBytes(1 + Math.floor(Math.random() * 200_000)), randomBytes(50)];
  await Promise.all([...files, EMPTY_BYTES].map((bytes) => repository.writeBlob(bufferBlob(bytes))));
  const layers = files.map((bytes) => ({ mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }));
  return manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers, annotations: { label } });
}

for (let number = 0; !stopping; number += 1) {
  const own = `w${writer}.${number}`;
  say('created', own, await repository.createTag(own, await upload(own)));
  const contested = `c.${Math.floor(Date.now() / 200)}`;
  say('created', contested, await repository.createTag(contested, await upload(`${contested} by ${writer}`)));
  const snapshot = await upload(`snapshot by ${writer}`);
  await repository.writeManifest(snapshot, { tag: '_snapshot' });
  say('replaced', '_snapshot', snapshot.digest);
}
await registry.close();
say('closed', '-', '-');
