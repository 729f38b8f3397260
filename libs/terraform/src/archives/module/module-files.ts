import { type ArchiveFault, shown } from '../archive-failure.ts';
import { MAX_MEMBER_NAME_BYTES } from '../archive-limits.ts';
import { byPath, type ModuleFile } from './module-file.ts';
import { type ModuleLimits, moduleTooLarge } from './module-member.ts';
import type { TreeDirectory, TreeFile, TreeLink, TreeNode } from './module-tree.ts';
import { type BadLink, TreeLinks } from './tree-links.ts';

const MAX_DEPTH = 100;
const MAX_WARNINGS = 20;

/** How the files of a module are chosen. */
export interface ChosenFiles {
  /** Leaves links out that lead to nothing, with a warning, where they would be refused: whoever uploads here can mend them. */
  readonly leaveBadLinks: boolean;
  readonly limits: ModuleLimits;
  readonly fault: ArchiveFault;
}

/** The files of a tree, sorted, with what links lead to in the place of the links. */
export class ModuleFiles {
  readonly warnings: string[] = [];
  readonly #choice: ChosenFiles;
  readonly #links = new TreeLinks();
  readonly #files: ModuleFile[] = [];
  /** Directories that are being walked through, whose links must not lead back to them. */
  readonly #trail = new Set<TreeDirectory>();
  #visited = 0;
  #bytes = 0;

  constructor(choice: ChosenFiles) {
    this.#choice = choice;
  }

  /** @throws ProxyError `unprocessable` for a link that leads out or to nothing; `too-large`. */
  of(root: TreeDirectory): readonly ModuleFile[] {
    this.#walk(root, '');
    this.#files.sort(byPath);
    this.#warnOfOneFile();
    return this.#files;
  }

  #walk(directory: TreeDirectory, path: string): void {
    this.#trail.add(directory);
    for (const [name, node] of directory.children) {
      this.#take(node, { from: directory, path: path === '' ? name : `${path}/${name}` });
    }
    this.#trail.delete(directory);
  }

  #take(node: TreeNode, at: { readonly from: TreeDirectory; readonly path: string }): void {
    this.#visited += 1;
    if (this.#visited > this.#choice.limits.files) {
      throw moduleTooLarge(this.#choice.limits);
    }
    if (at.path.length > MAX_MEMBER_NAME_BYTES || at.path.split('/').length > MAX_DEPTH) {
      throw this.#choice.fault(`${shown(at.path)} lies in too many directories`);
    }
    if (node.kind === 'link') {
      this.#takeLink(node, at);
    } else if (node.kind === 'directory') {
      this.#walk(node, at.path);
    } else {
      this.#takeFile(node, at.path);
    }
  }

  #takeLink(link: TreeLink, { from, path }: { readonly from: TreeDirectory; readonly path: string }): void {
    const found = this.#links.follow(from, link.target);
    if (typeof found === 'string') {
      this.#takeBadLink(link, path, found);
    } else if (found.kind === 'file') {
      this.#takeFile(found, path);
    } else if (this.#trail.has(found)) {
      this.#takeBadLink(link, path, 'leads in a circle');
    } else {
      this.#walk(found, path);
    }
  }

  #takeBadLink({ target }: TreeLink, path: string, why: BadLink): void {
    const text = `the link ${shown(path)} (to ${shown(target)}) ${why}`;
    if (!this.#choice.leaveBadLinks) {
      throw this.#choice.fault(`${text}: put the file itself in its place, or leave it out`);
    }
    this.#warn(`Left out: ${text}.`);
  }

  #takeFile({ executable, content }: TreeFile, path: string): void {
    this.#bytes += content.size;
    if (this.#bytes > this.#choice.limits.bytes) {
      throw moduleTooLarge(this.#choice.limits);
    }
    this.#files.push({ path, executable, content });
  }

  /** Windows and macOS unpack one over the other. */
  #warnOfOneFile(): void {
    const folded = new Map<string, string>();
    for (const { path } of this.#files) {
      const key = path.normalize('NFC').toLowerCase();
      const other = folded.get(key);
      if (other !== undefined) {
        this.#warn(`${shown(other)} and ${shown(path)} are one file on Windows and macOS.`);
      }
      folded.set(key, path);
    }
  }

  #warn(warning: string): void {
    if (this.warnings.length < MAX_WARNINGS) {
      this.warnings.push(warning);
    }
  }
}
