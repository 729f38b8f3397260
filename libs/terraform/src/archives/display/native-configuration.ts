import { type HclBlock, type HclBody, objectOf, readHcl } from './hcl-body.ts';
import { literalOf } from './hcl-literal.ts';
import type { PartItems } from './part-items.ts';

const READERS: Readonly<Record<string, (block: HclBlock, items: PartItems) => void>> = {
  variable: addInput,
  output: ({ labels: [name = ''], body }, items) => items.addOutput({ name, description: textOf(body, 'description'), sensitive: isTrue(body, 'sensitive') }),
  module: ({ labels: [name = ''], body }, items) => items.addDependency({ name, source: textOf(body, 'source'), version: textOf(body, 'version') }),
  resource: ({ labels: [type = '', name = ''] }, items) => items.addResource({ name, type }),
  terraform: addProviders,
};

/** Reads a `.tf` or `.tofu` file for display. Never throws. */
export function readNativeConfiguration(text: string, items: PartItems): void {
  for (const block of readHcl(text.replaceAll('\r\n', '\n')).blocks) {
    if (Object.hasOwn(READERS, block.type)) {
      READERS[block.type]?.(block, items);
    }
  }
}

function addInput({ labels: [name = ''], body }: HclBlock, items: PartItems): void {
  const written = body.attributes.get('default');
  items.addInput({
    name,
    // Versions of before 0.12 quoted types.
    type: textOf(body, 'type'),
    description: textOf(body, 'description'),
    default: written ?? null,
    sensitive: isTrue(body, 'sensitive'),
  });
}

function addProviders({ body }: HclBlock, items: PartItems): void {
  for (const required of body.blocks.filter(({ type }) => type === 'required_providers')) {
    for (const [name, expression] of required.body.attributes) {
      const object = objectOf(expression);
      // Versions of before 0.13 named the version alone.
      items.addProvider(object === null ? { name, source: '', version: literalOf(expression) ?? '' } : { name, source: textOf(object, 'source'), version: textOf(object, 'version') });
    }
  }
}

/** What a string says, else the expression as it is written. */
function textOf({ attributes }: HclBody, name: string): string {
  const expression = attributes.get(name);
  return expression === undefined ? '' : (literalOf(expression) ?? expression);
}

function isTrue(body: HclBody, name: string): boolean {
  return textOf(body, name) === 'true';
}
