import { KNOWN_PRODUCTS, type RegistryProfile } from '@oci-package-proxy/oci';

import { adviceFor } from './product-advice.ts';
import { type Complaint, judged, type Patient, type Requirement, requirement, type Verdict } from './verdict.ts';

/** That CONFIG_FILE says of the registry what it does. */
export const CONFIGURATION_REQUIREMENTS: readonly Requirement[] = [
  product,
  requirement({ id: 'says-immutable-tags', weight: 'must', topic: 'replacesTags', requirement: 'CONFIG_FILE says rightly whether tags are immutable', complaint: immutability }),
  requirement({ id: 'says-chunks', weight: 'must', topic: 'chunkedUploads', requirement: 'CONFIG_FILE says rightly whether uploads come in chunks', complaint: chunks }),
  requirement({ id: 'says-manifest-size', weight: 'should', topic: 'largestManifest', requirement: 'CONFIG_FILE says rightly how large manifests may be', complaint: manifestSize }),
  deletes,
  requirement({
    id: 'says-mounts', weight: 'nice', topic: 'mounts', requirement: 'CONFIG_FILE says rightly whether blobs are mounted',
    complaint: (mounts, { profile }) => (mounts === profile.mounts || !profile.mounts ? null : set('mounts', false, 'Copies ask for mounts that never come.')),
  }),
];

/** Advice to say `value` in CONFIG_FILE. */
function set<K extends keyof RegistryProfile>(key: K, value: RegistryProfile[K] & (string | number | boolean | null), effect: string): Complaint {
  return { effect, advice: [`Set storage.capabilities.${key}: ${value} in CONFIG_FILE.`] };
}

function product(patient: Patient): Verdict {
  const seen = patient.value('product');
  const said = patient.profile.product;
  const looks = seen === null ? patient.details('product') : `it looks like ${KNOWN_PRODUCTS[seen].title}, ${patient.details('product')}`;
  const found = said === null && seen === null ? looks : `storage.product is ${said ?? 'not set'}; ${looks}`;
  const about = { id: 'says-product', weight: 'nice' as const, requirement: 'CONFIG_FILE says which registry it is', found };
  if (seen === null || seen === said) {
    return said === null ? { ...about, met: null, complaint: null } : judged(about, null);
  }
  // Forks, and gateways before them, may well be what the operator says.
  const effect = said === null ? 'Only what every registry does is relied upon: some requests more than needed, and texts that name no product.' : 'What is known of the one may be wrong of the other.';
  return judged(about, { effect, advice: [`Set storage.product: ${seen} in CONFIG_FILE${said === null ? '' : ', if it is that'}.`] });
}

function immutability(replaces: boolean, patient: Patient): Complaint | null {
  const { profile } = patient;
  if (profile.immutableTags && replaces) {
    return {
      effect: 'immutableTags: true is set, but tags can be replaced: two publishers can overwrite each other, and both are told that they succeeded.',
      advice: [`${adviceFor('immutableTags', patient.product, 'Make tags immutable at the registry, but for those that begin with _snapshot and _upstream.')} Then run this again.`, 'Or take storage.capabilities.immutableTags out of CONFIG_FILE.'],
    };
  }
  if (!profile.immutableTags && !replaces && patient.value('replacesDerivedTags') === true) {
    return { effect: 'Two publishers of one version are told apart by extra tags and lists, where the registry itself could do it.', advice: ['storage.capabilities.immutableTags: true may be set in CONFIG_FILE, if the rule holds for all repositories below the prefix.'], weight: 'nice' };
  }
  return null;
}

function chunks(works: boolean, patient: Patient): Complaint | null {
  const { profile } = patient;
  const { uploadChunkBytes } = profile;
  const least = patient.value('minChunkBytes') ?? 0;
  if (uploadChunkBytes !== null && !works) {
    return { effect: `Files of more than ${uploadChunkBytes} bytes cannot be stored.`, advice: ['Take storage.capabilities.uploadChunkBytes out of CONFIG_FILE: uploads are then one request each.'] };
  }
  if (uploadChunkBytes !== null && least > uploadChunkBytes) {
    return { effect: `Files of more than ${uploadChunkBytes} bytes cannot be stored.`, advice: [`Set storage.capabilities.uploadChunkBytes: ${least} in CONFIG_FILE, or more.`] };
  }
  return profile.chunkedUploads && !works ? { ...set('chunkedUploads', false, 'Uploads in chunks would fail; none are made as it is.'), weight: 'nice' } : null;
}

function manifestSize(largest: number, { profile }: Patient): Complaint | null {
  if (largest >= profile.maxManifestBytes - 1 || largest === 0) {
    return null;
  }
  return set('maxManifestBytes', largest, `Larger manifests than ${largest} bytes are sent and refused, with a text that blames the registry.`);
}

function deletes(patient: Patient): Verdict {
  const [byTag, byDigest] = [patient.value('deletesTags'), patient.value('deletesDigests')];
  const said = patient.profile.deletes;
  const about = { id: 'says-deletes', weight: 'nice' as const, requirement: 'CONFIG_FILE says rightly how versions are deleted', found: `deletes is ${said}; ${patient.details('deletesTags')}; ${patient.details('deletesDigests')}` };
  if (byTag === null || byDigest === null) {
    return { ...about, found: patient.details('deletesDigests'), met: null, complaint: null };
  }
  if (said === 'learn') {
    return judged(about, null);
  }
  if (said === 'tag' && byTag && patient.value('deleteSparesTags') === false) {
    return judged({ ...about, weight: 'should' }, set('deletes', byDigest ? 'digest' : 'none', 'Deleting one tag removes others with it.'));
  }
  const works = { tag: byTag, digest: byDigest, none: !byTag && !byDigest }[said];
  return judged(about, works ? null : set('deletes', bestOf(byTag, byDigest), said === 'none' ? 'Deleted versions stay in the store, though the registry would remove them.' : 'Every deletion costs requests that are refused.'));
}

function bestOf(byTag: boolean, byDigest: boolean): RegistryProfile['deletes'] {
  if (byTag) {
    return 'tag';
  }
  return byDigest ? 'digest' : 'none';
}
