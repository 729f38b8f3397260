import type { Repository } from '@oci-package-proxy/oci';

/** All tags of a repository, listed now. */
export async function listTagSet(repository: Repository, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const tags = new Set<string>();
  for await (const page of repository.listTags({ signal })) {
    for (const tag of page) {
      tags.add(tag);
    }
  }
  return tags;
}
