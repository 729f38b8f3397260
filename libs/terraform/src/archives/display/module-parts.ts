import type { ModulePart } from '../../model/terraform-fact.ts';
import { MAX_CONFIGURATION_BYTES, MAX_CONFIGURATION_TOTAL_BYTES, MAX_PARTS_CHARACTERS, MAX_README_BYTES, MAX_SHOWN_ITEMS } from '../archive-limits.ts';
import type { ModuleFile } from '../module/module-file.ts';
import { isConfiguration, partOf } from './configuration-name.ts';
import { readJsonConfiguration } from './json-configuration.ts';
import { readNativeConfiguration } from './native-configuration.ts';
import { PartItems } from './part-items.ts';

const README = /(?:^|\/)readme\.md$/i;
// At most three bytes of a character that the cut goes through.
const BROKEN_END = /\uFFFD{1,3}$/;

/** Reads the first bytes of a file. */
export type StartReader = (file: ModuleFile, limitBytes: number) => Promise<Buffer>;

/** What is shown of a module. */
export interface ModuleParts {
  readonly root: ModulePart;
  /** Sorted by their paths. */
  readonly submodules: readonly ModulePart[];
}

/**
 * Reads what is shown of a module: of its root, and of every directory below `modules/` that holds configuration. What cannot be read
 * or is too much is left out.
 * @param files sorted.
 */
export async function moduleParts(files: readonly ModuleFile[], read: StartReader): Promise<ModuleParts> {
  const byPart = new Map<string, ModuleFile[]>([['', []]]);
  for (const file of files) {
    const path = partOf(file.path);
    if (path !== null) {
      const own = byPart.get(path) ?? [];
      own.push(file);
      byPart.set(path, own);
    }
  }
  const reader = new PartReader(read);
  const root = await reader.part('', byPart.get('') ?? []);
  const submodules: ModulePart[] = [];
  for (const [path, own] of byPart) {
    if (path !== '' && submodules.length < MAX_SHOWN_ITEMS && own.some((file) => isConfiguration(file.path))) {
      submodules.push(await reader.part(path, own));
    }
  }
  return { root, submodules };
}

class PartReader {
  readonly #read: StartReader;
  #configurationBytes = 0;
  #characters = 0;

  constructor(read: StartReader) {
    this.#read = read;
  }

  async part(path: string, files: readonly ModuleFile[]): Promise<ModulePart> {
    const items = new PartItems();
    for (const file of files.filter((candidate) => isConfiguration(candidate.path))) {
      await this.#readConfiguration(file, items);
    }
    const part = { path, readme: await this.#readme(files), ...items.all() };
    // The document that it goes into must stay one that can be stored.
    return this.#fitting([part, { ...part, readme: '' }]) ?? { path, readme: '', ...new PartItems().all() };
  }

  #fitting(candidates: readonly ModulePart[]): ModulePart | undefined {
    return candidates.find((candidate) => {
      const { length } = JSON.stringify(candidate);
      const fits = this.#characters + length <= MAX_PARTS_CHARACTERS;
      this.#characters += fits ? length : 0;
      return fits;
    });
  }

  async #readConfiguration(file: ModuleFile, items: PartItems): Promise<void> {
    const { size } = file.content;
    if (size > MAX_CONFIGURATION_BYTES || this.#configurationBytes + size > MAX_CONFIGURATION_TOTAL_BYTES) {
      return;
    }
    this.#configurationBytes += size;
    const text = textOf(await this.#read(file, MAX_CONFIGURATION_BYTES));
    if (file.path.endsWith('.json')) {
      readJsonConfiguration(text, items);
    } else {
      readNativeConfiguration(text, items);
    }
  }

  async #readme(files: readonly ModuleFile[]): Promise<string> {
    const file = files.find(({ path }) => README.test(path));
    if (file === undefined) {
      return '';
    }
    const text = textOf(await this.#read(file, MAX_README_BYTES));
    return file.content.size > MAX_README_BYTES ? text.replace(BROKEN_END, '') : text;
  }
}

/** Without a byte order mark. */
function textOf(bytes: Buffer): string {
  return new TextDecoder().decode(bytes);
}
