import type { JsonValue } from './package-ref.ts';

// Deeper than anything we write, and shallow enough that nothing which walks it by recursion can overflow the stack.
const MAX_DEPTH = 64;

/** The JSON value in a text from storage; undefined when it is none, or nested deeper than 64 levels. Never throws. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isShallow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is a JSON object. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isShallow(value: JsonValue): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) {
      return false;
    }
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'object' && item !== null) {
        for (const member of Object.values(item)) {
          below.push(member);
        }
      }
    }
    level = below;
  }
  return true;
}
