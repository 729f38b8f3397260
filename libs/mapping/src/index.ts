export { decodeComponent, encodeComponent, isHashedComponent, MAX_COMPONENT_LENGTH } from './component.ts';
export { MAX_REPOSITORY_NAME_LENGTH, parseRepositoryName, repositoryName, type RepositoryNameOptions } from './repository-name.ts';
export { shardOf } from './shard.ts';
export { filenameOfTag, fileTag, isReservedTag, MAX_TAG_LENGTH, versionOfTag, versionTag } from './tag.ts';
