import type { CredentialSource } from '../credentials.ts';
import { acrCredential, type AcrOptions } from './acr.ts';
import { ecrCredential, type EcrOptions } from './ecr.ts';
import { garCredential, type GarOptions } from './gar.ts';
import { type IssuedCredential, RefreshedCredential } from './refreshed-credential.ts';

/** How the registry of a cloud is signed in to; secrets and tokens are in files. */
export type CloudCredentials = EcrOptions | GarOptions | AcrOptions;

/** What a {@link cloudCredentials} source needs besides. */
export interface CloudContext {
  /** URL of the registry. */
  readonly registry: URL;
  /** PEM certificates that the registry is trusted by besides the machine's. */
  readonly registryCa?: string | undefined;
  /** The same for the services of the cloud. */
  readonly ca?: string | undefined;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * The credential of a cloud's registry by that cloud's own exchange, replaced before it expires. It goes to `registry` alone.
 * `credentialFor` throws ProxyError `config`, `storage-denied` or `storage-unavailable`, with what the operator is to change.
 */
export function cloudCredentials(options: CloudCredentials, context: CloudContext): CredentialSource {
  const full = { ...context, clock: context.clock ?? Date.now };
  const held = new RefreshedCredential(() => issue(options, full), full.clock);
  return {
    credentialFor: async (host) => (host === context.registry.host ? held.credentialFor() : null),
    refused: () => held.refused(),
  };
}

async function issue(options: CloudCredentials, context: CloudContext & { readonly clock: () => number }): Promise<IssuedCredential> {
  switch (options.kind) {
    case 'ecr':
      return ecrCredential(options, context);
    case 'gar':
      return garCredential(options, context);
    case 'acr':
      return acrCredential(options, context);
  }
}
