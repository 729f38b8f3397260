import { join } from 'node:path';

import { LayoutRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { bigArchive, providerRelease, type ProviderRelease, signingKey } from '@oci-package-proxy/testing';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { ProviderUploads } from './provider-uploads.ts';
import { CALL, DEMO, fileBody, formBody, OWN } from './sample-publishing.contract.ts';

// A process of its own, so that nothing else is measured.
const SIZE = 300 * 2 ** 20;
const [, , directory = ''] = process.argv;

const key = await signingKey({ kind: 'ed25519-legacy' });
const ledger = new Ledger({ registry: new LayoutRegistry({ directory: join(directory, 'oci') }) });
const keys = new NamespaceKeys({ ledger, own: OWN });
await keys.add(DEMO.namespace, key.publicKey, CALL);
const uploads = new ProviderUploads({ ledger, keys, signerOf: () => null, originalAnnotations: false, directory: join(directory, 'uploads'), limits: { publishBytes: 2 * SIZE } });

function releaseOf(version: string, bytes: number): Promise<ProviderRelease> {
  const archive = bigArchive({ type: DEMO.type, version, platform: 'linux_amd64', bytes });
  return providerRelease({ type: DEMO.type, version, archives: [archive], key });
}

async function published(release: ProviderRelease): Promise<string> {
  return (await uploads.publish(DEMO, release.version, formBody(release.files), CALL)).outcome;
}

async function committed(release: ProviderRelease): Promise<string> {
  const { id } = await uploads.begin(DEMO, release.version, CALL);
  for (const file of release.files) {
    await uploads.stage(DEMO, release.version, id, file.filename, fileBody(file), CALL);
  }
  return (await uploads.commit(DEMO, release.version, id, CALL)).outcome;
}

const [large, staged] = [await releaseOf('1.0.0', SIZE), await releaseOf('1.0.1', SIZE / 2)];
// What is loaded, and the heap's first growth, are not the file's.
await committed(await releaseOf('0.0.1', 16 * 2 ** 20));
const before = process.memoryUsage().rss;
let most = before;
const timer = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 10);
const outcomes = [await published(large), await committed(staged)];
clearInterval(timer);
process.send?.({ outcomes, grown: most - before }, () => process.exit(0));
