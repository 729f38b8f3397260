import { KNOWN_PRODUCTS, type Product } from '@oci-package-proxy/oci';

type Subject = 'rights' | 'deletes' | 'derivedTags' | 'immutableTags' | 'lostTags' | 'lateTags' | 'retention';

/** What to change in a product, where we know its words for it. */
const ADVICE: Readonly<Record<Subject, Partial<Record<Product, string>>>> = {
  rights: {
    acr: 'Give it the role AcrPush, and AcrDelete for deletions; or a token with content/read, content/write, content/delete and metadata/read.',
    ecr: 'Its policy needs ecr:GetAuthorizationToken, BatchGetImage, GetDownloadUrlForLayer, BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, PutImage and ListImages; BatchDeleteImage for deletions.',
    gar: 'Give it the role Artifact Registry Writer; Repository Administrator for deletions.',
    ghcr: 'A token needs the scope write:packages, and its owner the role Write on the packages.',
    harbor: 'Give the robot account of the project pull and push of repositories, list of tags, and delete of artifacts.',
    quay: 'Give the robot account Write on the repositories, and Creator in the organization.',
    zot: 'Its policy in accessControl needs read, create and update on the prefix, and delete for deletions.',
  },
  deletes: {
    'distribution-2': 'Set REGISTRY_STORAGE_DELETE_ENABLED=true at the registry (storage.delete.enabled: true), and run its garbage-collect now and then, never with --delete-untagged.',
    'distribution-3': 'Set REGISTRY_STORAGE_DELETE_ENABLED=true at the registry (storage.delete.enabled: true), and run its garbage-collect now and then.',
    ghcr: 'It deletes by its own interface only: remove versions there by hand, if it must be.',
  },
  derivedTags: {
    ecr: 'Set the repositories to IMMUTABLE_WITH_EXCLUSION, with the filters _snapshot* and _upstream*.',
    harbor: 'Change the tag immutability rule of the project: for tags excluding {_snapshot,_upstream}**.',
    zot: 'Give the worker a policy with update besides create, or leave immutability away.',
    quay: 'Exclude tags that begin with _ from the immutability policy.',
  },
  immutableTags: {
    ecr: 'Set the repositories to IMMUTABLE_WITH_EXCLUSION, with the filters _snapshot* and _upstream*.',
    harbor: 'Add a tag immutability rule to the project: for tags excluding {_snapshot,_upstream}**.',
    zot: 'Take update from the policy of those who publish.',
  },
  lostTags: { zot: 'Run one replica, or give each its own storage: several on one shared storage lose tags of each other.' },
  lateTags: { zot: 'Run one replica, or send all requests to one: replicas see each other late.' },
  retention: {
    acr: 'the retention policy for untagged manifests, purge tasks (acr purge), and soft delete',
    ecr: 'the lifecycle policy of each repository, and of the creation template',
    gar: 'the cleanup policies of the repository',
    ghcr: 'workflows that delete package versions',
    harbor: 'the tag retention policy of the project',
    quay: 'tag expiration, and auto-prune policies of the organization and the repositories',
    zot: 'storage.retention and storage.gcDelay in its configuration (also below subPaths)',
    'distribution-2': 'garbage-collect jobs (never with --delete-untagged, which removes children of indexes)',
    'distribution-3': 'garbage-collect jobs',
  },
};

/** What to do about `subject`; `otherwise` where the product is not known, or we do not know its words. */
export function adviceFor(subject: Subject, product: Product | null, otherwise: string): string {
  return (product === null ? undefined : ADVICE[subject][product]) ?? otherwise;
}

/** What has to be made before the first push. */
export function creationAdvice(product: Product | null): string {
  const known = product === null ? null : KNOWN_PRODUCTS[product];
  return known === null || known.creation.startsWith('Nothing') ? 'Create the repository, project or namespace that the path of STORAGE_URL names.' : `Create there: ${known.creation}`;
}
