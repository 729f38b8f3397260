import { adviceFor, creationAdvice } from './product-advice.ts';
import { type Complaint, type Patient, type Requirement, requirement } from './verdict.ts';

const MIB = 2 ** 20;
const NOT_SUPPORTED = 'This registry cannot hold our packages as it is; docs/registries.md lists some that can.';
const ON_THE_WAY = 'Ask the registry without what stands before it: caching proxies, and replicas that see each other late.';

/** That it keeps what we put there, and shows it: docs/registries.md, "What we ask of a registry". */
export const STORING_REQUIREMENTS: readonly Requirement[] = [
  requirement({ id: 'creates-repositories', weight: 'must', topic: 'createsRepositories', requirement: 'A first push makes its repository', complaint: (creates, patient) => (creates ? null : creation(patient)) }),
  requirement({ id: 'names', weight: 'must', topic: 'nestedNames', requirement: 'Names of repositories may have many parts', complaint: (nested) => (nested ? null : flatNames()) }),
  requirement({ id: 'uploads', weight: 'must', topic: 'uploads', requirement: 'A file is uploaded in one piece', complaint: (works) => (works ? null : { effect: 'Nothing can be stored.', advice: ['Look at the log of the registry, and at body limits of what stands before it.', NOT_SUPPORTED] }) }),
  requirement({ id: 'blob-reads', weight: 'must', topic: 'blobReads', requirement: 'Files come back as they went', complaint: (works) => (works ? null : { effect: 'Downloads fail; wrong bytes are never served.', advice: [ON_THE_WAY, 'Where it sends readers to another host, this machine must reach that too.'] }) }),
  requirement({ id: 'artifacts', weight: 'must', topic: 'artifacts', requirement: 'It takes manifests of unknown types', complaint: (works) => (works ? null : { effect: 'Nothing can be published or kept.', advice: ['Update the registry: it must take OCI 1.1 artifacts, or ignore what it does not know.', NOT_SUPPORTED] }) }),
  requirement({ id: 'indexes', weight: 'must', topic: 'indexes', requirement: 'It takes indexes of them', complaint: (works) => (works ? null : { effect: 'Terraform providers cannot be published or kept; other packages can.', advice: ['Update the registry: it must take OCI 1.1 image indexes.', NOT_SUPPORTED] }) }),
  requirement({ id: 'manifest-size', weight: 'must', topic: 'largestManifest', requirement: 'It takes manifests of 1 MiB', complaint: (bytes) => (bytes >= MIB ? null : { effect: `Versions with more than ${bytes} bytes of metadata cannot be published or kept.`, advice: ['Raise the limit for bodies of what stands before the registry, to 4 MiB at least.', NOT_SUPPORTED] }) }),
  requirement({ id: 'reads-its-writes', weight: 'must', topic: 'readsItsWrites', requirement: 'A tag is read and listed right after it was put', complaint: (works, patient) => (works ? null : lateTags(patient)) }),
  requirement({
    id: 'keeps-tags', weight: 'must', topic: 'keepsConcurrentTags', requirement: 'No put of a tag drops another',
    complaint: (keeps, { product }) => (keeps ? null : { effect: 'Versions that were published with success vanish.', advice: [adviceFor('lostTags', product, 'Run one replica of the registry, or one that locks its storage.'), 'Then run verify, to see what is gone.'] }),
  }),
  requirement({
    id: 'whole-lists', weight: 'must', topic: 'tagPages', requirement: 'Tag lists are whole, at once or in pages',
    complaint: (pages) => (pages === 'cut' ? { effect: 'Packages with many versions lose the rest of them, without a word.', advice: [`${ON_THE_WAY} The Link header of tag lists must get through, and the query as well.`, NOT_SUPPORTED] } : null),
  }),
  requirement({
    id: 'derived-tags', weight: 'should', topic: 'replacesDerivedTags', requirement: '_snapshot and _upstream can be put again',
    complaint: (can, { product }) => (can ? null : { effect: 'Reading a package with many versions becomes slow, and what is known of upstream grows old while upstream is down.', advice: [adviceFor('derivedTags', product, 'Exclude tags that begin with _snapshot and _upstream from the rule that makes tags immutable.')] }),
  }),
  requirement({ id: 'ranges', weight: 'should', topic: 'blobRanges', requirement: 'Parts of a file can be read', complaint: (works) => (works ? null : { effect: 'A download from the registry that breaks off begins at its start, and parts cost the whole.', advice: ['Let Range headers through to the registry and to its store.'] }) }),
  requirement({ id: 'compression', weight: 'should', topic: 'compresses', requirement: 'Answers come as they are stored', complaint: (compresses) => (compresses ? { effect: 'Files that are compressed on the way cannot be resumed, and may be refused.', advice: ['Switch compression off in what stands before the registry, at least below /v2/.'] } : null) }),
  requirement({
    id: 'deletes', weight: 'nice', topic: 'deletesDigests', requirement: 'Deleted versions can be removed',
    complaint: (byDigest, patient) => (byDigest || patient.value('deletesTags') === true ? null : cannotDelete(patient)),
  }),
];

function creation({ product, profile }: Patient): Complaint {
  const known = profile.createsRepositories ? ['Where somebody makes every repository before its package is published, say storage.capabilities.createsRepositories: false in CONFIG_FILE.'] : [];
  return {
    effect: 'The first version of a package cannot be stored before somebody made its repository.',
    advice: [creationAdvice(product), ...known, 'For the rest of this examination, make the repositories system/probe and system/probe/depth/of/names/six below the prefix, and run it again.'],
    weight: profile.createsRepositories ? 'must' : 'should',
  };
}

function flatNames(): Complaint {
  return {
    effect: 'Packages cannot be stored: the names of their repositories have up to six parts below the prefix.',
    advice: [
      'Set storage.product: docker-hub in CONFIG_FILE, or storage.capabilities.names: flat, before anything is stored.',
      'What is stored under nested names at another registry can be brought along: npm run admin -- copy <this STORAGE_URL> --from <the other one>.',
    ],
  };
}

function lateTags(patient: Patient): Complaint {
  const { product, profile } = patient;
  const guarded = profile.immutableTags && patient.value('replacesTags') === false;
  return {
    effect: guarded ? 'Versions appear late.' : 'Versions appear late, and two publishers of one version can both be told that they won.',
    advice: [adviceFor('lateTags', product, ON_THE_WAY), ...(guarded ? [] : ['Where it cannot be helped, tags must be immutable: see immutableTags in docs/configuration.md.'])],
    weight: guarded ? 'should' : 'must',
  };
}

function cannotDelete(patient: Patient): Complaint {
  const mayNot = patient.value('delete') === false;
  const rights = adviceFor('rights', patient.product, 'Give our credential the right to delete below the prefix.');
  return {
    effect: 'Deleted versions are hidden from everybody who asks us, and stay in the store.',
    advice: [mayNot ? rights : adviceFor('deletes', patient.product, 'Allow deletion in the configuration of the registry, if it has that; else remove them there by hand, if it must be.')],
  };
}
