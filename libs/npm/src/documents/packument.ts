// Nothing in this folder but the workshop imports more than its neighbours: it runs in a worker thread, from source too.

/** A JSON object as it came from somewhere. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The manifest of one version, as a registry shows it. */
export type Manifest = JsonObject & { readonly dist?: JsonObject };

/** The document of a package: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md */
export interface Packument {
  /** All members but the ones below. */
  readonly rest: JsonObject;
  readonly name: string;
  readonly distTags: ReadonlyMap<string, string>;
  readonly versions: ReadonlyMap<string, Manifest>;
  /** ISO 8601, with `created` and `modified`. */
  readonly time: ReadonlyMap<string, string>;
}

/** Whether it is an object and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of its own, never an inherited one; undefined where it has none. */
export function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A member that is a text, or undefined. */
export function textMember(object: JsonObject, key: string): string | undefined {
  const value = member(object, key);
  return typeof value === 'string' ? value : undefined;
}

/** The packument in a JSON text; old registries hold values of all kinds, and what is malformed is left out. Null for what is no packument. */
export function parsePackument(text: string, name: string): Packument | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value) || !isObject(member(value, 'versions') ?? {})) {
    return null;
  }
  const { versions: _versions, time: _time, 'dist-tags': _tags, name: _name, ...rest } = value;
  return {
    rest,
    name,
    distTags: texts(member(value, 'dist-tags')),
    versions: new Map(Object.entries((member(value, 'versions') ?? {}) as JsonObject).filter((entry): entry is [string, Manifest] => isObject(entry[1]))),
    time: texts(member(value, 'time')),
  };
}

function texts(value: unknown): Map<string, string> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
