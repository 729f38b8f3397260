const MAX_NAME = 255;
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether `text` is a repository name: distribution-spec "Pulling manifests". */
export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

/** Whether `text` is a tag: distribution-spec "Pulling manifests". */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
