import { execFileSync } from 'node:child_process';

import { builtProgram, pinnedVersion, startSmallRegistry, startZot } from './built-registry.ts';
import { type DistributionAuth, startDistribution } from './distribution.ts';
import type { RegistryUnderTest } from './registry-under-test.ts';

const PLAIN = { deletesTags: true, immutableTags: false, oddities: {} } as const;
const SMALL = { missingParts: 'taken', hidesDamage: true } as const;
/** It knows no code for what it refuses there, and answers 500. */
const IN_MEMORY = { missingParts: 'storage-unavailable', rangeBeyond: 'storage-unavailable' } as const;

const FORMS: readonly (readonly [string, DistributionAuth, boolean])[] = [
  ['open', 'none', false],
  ['open, deletes', 'none', true],
  ['Basic', 'Basic', false],
  ['token, deletes', 'token', true],
  ['TLS', 'TLS', false],
  ['client certificate', 'client certificate', false],
];

/** Debian's docker-registry, distribution 2.8, which every test run has. @throws Error when it is not installed. */
export function dockerRegistries(): readonly RegistryUnderTest[] {
  const version = /(\d[\d.]*)/.exec(execFileSync('docker-registry', ['--version'], { encoding: 'utf8' }))?.[1] ?? '';
  return distributions(`docker-registry ${version}`);
}

/** The registries that `scripts/install-registries.sh` could build. */
export function builtRegistries(): readonly RegistryUnderTest[] {
  const there: RegistryUnderTest[] = [];
  const third = builtProgram('distribution-3');
  if (third !== null) {
    there.push(...distributions(`distribution ${pinnedVersion('distribution-3')}`, third));
  }
  if (builtProgram('zot') !== null) {
    there.push(...(['none', 'Basic', 'TLS'] as const).map((auth) => ({ ...PLAIN, server: `zot ${pinnedVersion('zot')}`, form: auth === 'none' ? 'open' : auth, start: () => startZot(auth) })));
  }
  if (builtProgram('go-containerregistry') !== null) {
    there.push({ ...PLAIN, oddities: SMALL, server: `go-containerregistry ${pinnedVersion('go-containerregistry')}`, form: 'open', start: () => startSmallRegistry('go-containerregistry') });
  }
  if (builtProgram('ociregistry') !== null) {
    const odd = { ...PLAIN, oddities: IN_MEMORY, server: `ociregistry ${pinnedVersion('ociregistry')}` };
    there.push(
      { ...odd, form: 'open', start: () => startSmallRegistry('ociregistry') },
      { ...odd, form: 'no Link, no digest header', start: () => startSmallRegistry('ociregistry', ['no-link', 'no-digest']) },
      { ...odd, immutableTags: true, form: 'immutable tags', start: () => startSmallRegistry('ociregistry', ['immutable-tags']) },
    );
  }
  return there;
}

function distributions(server: string, command?: string): readonly RegistryUnderTest[] {
  return FORMS.map(([form, auth, deletes]) => ({ ...PLAIN, deletesTags: deletes, server, form, start: () => startDistribution({ auth, deletes, ...(command !== undefined && { command }) }) }));
}
