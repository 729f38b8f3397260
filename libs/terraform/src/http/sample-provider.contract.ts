import { type ProviderRelease, providerRelease, signingKey, type TestKey, uploadForm } from '@oci-package-proxy/testing';

import { ADMIN, type Answer, type SampleRegistry } from '../sample-registry.contract.ts';

/** A provider that was published, and with what. */
export interface SampleProvider {
  readonly key: TestKey;
  readonly release: ProviderRelease;
}

/** Publishes `acme/demo` (or another) for two platforms, with a key that is registered first. */
export async function publishSample(sample: SampleRegistry, { type = 'demo', version = '1.0.0', key }: { readonly type?: string; readonly version?: string; readonly key?: TestKey } = {}): Promise<SampleProvider> {
  const used = key ?? (await signingKey({ kind: 'ed25519-legacy' }));
  await sample.parts.keys.add('acme', used.publicKey, { by: 'spec' });
  const release = await providerRelease({ type, version, platforms: ['linux_amd64', 'darwin_arm64'], key: used });
  const answer = await upload(sample, release);
  if (answer.status !== 201) {
    throw new Error(`the sample provider was not published: ${answer.status} ${answer.text()}`);
  }
  return { key: used, release };
}

/** Sends a release as one form. */
export async function upload(sample: SampleRegistry, release: ProviderRelease, { path = `/api/v1/terraform/providers/acme/${release.type}/${release.version}`, headers = { authorization: ADMIN }, fields }: { readonly path?: string; readonly headers?: Record<string, string>; readonly fields?: Record<string, string> } = {}): Promise<Answer> {
  const form = uploadForm(release.files, fields);
  return sample.ask(path, { method: 'POST', headers: { ...headers, 'content-type': form.contentType, 'content-length': String(form.length) }, body: form.stream() });
}
