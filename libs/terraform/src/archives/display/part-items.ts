import type { ModuleInput, ModuleOutput, ModulePart } from '../../model/terraform-fact.ts';
import { MAX_SHOWN_CHARACTERS, MAX_SHOWN_ITEMS } from '../archive-limits.ts';

/** What the configuration of one part of a module declares. Of two of one name the first counts. */
export class PartItems {
  readonly #inputs = new Map<string, ModuleInput>();
  readonly #outputs = new Map<string, ModuleOutput>();
  readonly #providers = new Map<string, ModulePart['providers'][number]>();
  readonly #dependencies = new Map<string, ModulePart['dependencies'][number]>();
  readonly #resources = new Map<string, ModulePart['resources'][number]>();

  /** A `variable` block. */
  addInput(input: ModuleInput): void {
    add(this.#inputs, input.name, { ...input, name: cut(input.name), type: cut(input.type), description: cut(input.description), default: input.default === null ? null : cut(input.default) });
  }

  /** An `output` block. */
  addOutput(output: ModuleOutput): void {
    add(this.#outputs, output.name, { ...output, name: cut(output.name), description: cut(output.description) });
  }

  /** An entry of `required_providers`. */
  addProvider({ name, source, version }: ModulePart['providers'][number]): void {
    add(this.#providers, name, { name: cut(name), source: cut(source), version: cut(version) });
  }

  /** A `module` block. */
  addDependency({ name, source, version }: ModulePart['dependencies'][number]): void {
    add(this.#dependencies, name, { name: cut(name), source: cut(source), version: cut(version) });
  }

  /** A `resource` block. */
  addResource({ name, type }: ModulePart['resources'][number]): void {
    add(this.#resources, `${type}.${name}`, { name: cut(name), type: cut(type) });
  }

  /** All of them, as they came. */
  all(): Omit<ModulePart, 'path' | 'readme'> {
    return {
      inputs: [...this.#inputs.values()],
      outputs: [...this.#outputs.values()],
      providers: [...this.#providers.values()],
      dependencies: [...this.#dependencies.values()],
      resources: [...this.#resources.values()],
    };
  }
}

function add<T>(items: Map<string, T>, key: string, item: T): void {
  if (key !== '' && items.size < MAX_SHOWN_ITEMS && !items.has(key)) {
    items.set(key, item);
  }
}

function cut(text: string): string {
  return (text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text).toWellFormed();
}
