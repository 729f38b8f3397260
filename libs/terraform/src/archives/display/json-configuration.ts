import type { PartItems } from './part-items.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads a `.tf.json` or `.tofu.json` file for display. Never throws. https://developer.hashicorp.com/terraform/language/syntax/json */
export function readJsonConfiguration(text: string, items: PartItems): void {
  try {
    for (const root of objectsIn(JSON.parse(text))) {
      addAll(root, items);
    }
  } catch {
    // Not JSON, or nested too deep to be written again: there is nothing to show of the rest.
  }
}

function addAll(root: JsonObject, items: PartItems): void {
  for (const [name, block] of blocksOf(root, 'variable')) {
    const written = Object.hasOwn(block, 'default') ? JSON.stringify(block['default'], null, 2) : null;
    items.addInput({ name, type: textOf(block, 'type'), description: textOf(block, 'description'), default: written, sensitive: isTrue(block, 'sensitive') });
  }
  for (const [name, block] of blocksOf(root, 'output')) {
    items.addOutput({ name, description: textOf(block, 'description'), sensitive: isTrue(block, 'sensitive') });
  }
  for (const [name, block] of blocksOf(root, 'module')) {
    items.addDependency({ name, source: textOf(block, 'source'), version: textOf(block, 'version') });
  }
  for (const resources of objectsIn(valueOf(root, 'resource'))) {
    for (const type of Object.keys(resources)) {
      for (const [name] of blocksOf(resources, type)) {
        items.addResource({ name, type });
      }
    }
  }
  for (const terraform of objectsIn(valueOf(root, 'terraform'))) {
    addProviders(terraform, items);
  }
}

function addProviders(terraform: JsonObject, items: PartItems): void {
  for (const providers of objectsIn(valueOf(terraform, 'required_providers'))) {
    for (const [name, value] of Object.entries(providers)) {
      const [provider = {}] = objectsIn(value);
      items.addProvider({ name, source: textOf(provider, 'source'), version: typeof value === 'string' ? value : textOf(provider, 'version') });
    }
  }
}

/** Labelled blocks, whose bodies may stand in a list, as all bodies may. */
function blocksOf(root: JsonObject, type: string): [string, JsonObject][] {
  return objectsIn(valueOf(root, type)).flatMap((byName) => Object.entries(byName).map(([name, body]): [string, JsonObject] => [name, objectsIn(body)[0] ?? {}]));
}

function objectsIn(value: unknown): JsonObject[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((item): item is JsonObject => typeof item === 'object' && item !== null && !Array.isArray(item));
}

function valueOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function textOf(object: JsonObject, name: string): string {
  const value = valueOf(object, name);
  if (typeof value === 'string') {
    return value;
  }
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

function isTrue(object: JsonObject, name: string): boolean {
  return textOf(object, name) === 'true';
}
