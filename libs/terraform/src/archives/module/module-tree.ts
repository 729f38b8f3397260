import { type ArchiveFault, shown } from '../archive-failure.ts';
import { MAX_MEMBER_NAME_BYTES } from '../archive-limits.ts';
import { type ModuleLimits, moduleTooLarge } from './module-member.ts';
import type { SpooledContent } from './module-spool.ts';

/** A directory of a module's archive. */
export interface TreeDirectory {
  readonly kind: 'directory';
  /** Null for the top. */
  parent: TreeDirectory | null;
  readonly children: Map<string, TreeNode>;
}

/** A file of a module's archive. */
export interface TreeFile {
  readonly kind: 'file';
  readonly executable: boolean;
  readonly content: SpooledContent;
}

/** A symbolic link of a module's archive. */
export interface TreeLink {
  readonly kind: 'link';
  readonly target: string;
}

/** What stands under a name. */
export type TreeNode = TreeDirectory | TreeFile | TreeLink;

const MAX_DEPTH = 100;

/** What an archive holds, by directories. */
export class ModuleTree {
  readonly #limits: ModuleLimits;
  readonly #fault: ArchiveFault;
  #root: TreeDirectory = newDirectory(null);
  #count = 0;

  constructor(limits: ModuleLimits, fault: ArchiveFault) {
    this.#limits = limits;
    this.#fault = fault;
  }

  /** The top. */
  get root(): TreeDirectory {
    return this.#root;
  }

  /** Puts a file or a link in its place. @throws ProxyError `unprocessable` where something else is; `too-large`. */
  add(path: string, node: TreeFile | TreeLink): void {
    if (node.kind === 'link' && Buffer.byteLength(node.target) > MAX_MEMBER_NAME_BYTES) {
      throw this.#fault(`the target of its link ${shown(path)} is longer than the ${MAX_MEMBER_NAME_BYTES} bytes that are allowed`);
    }
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const directory = this.#directory(parts, path);
    const other = directory.children.get(name);
    if (other !== undefined) {
      throw this.#fault(`it holds ${shown(path)} ${other.kind === 'directory' ? 'both as a file and as a directory' : 'twice, and not everybody would unpack the same one'}`);
    }
    this.#grow();
    directory.children.set(name, node);
  }

  /** Makes a directory where there is none. @throws as {@link add}. */
  addDirectory(path: string): void {
    this.#directory(path.split('/'), path);
  }

  /** Makes the one directory at the top the new top: what leads out of that leads out. @throws ProxyError `unprocessable` where there is not exactly one. */
  unwrap(): void {
    const [wrapper, ...others] = this.#root.children.values();
    if (wrapper?.kind !== 'directory' || others.length > 0) {
      throw this.#fault('it is not wrapped in exactly one directory, as archives of git servers are');
    }
    // Its directories say who their parent is, and it has none any more.
    this.#root = wrapper;
    wrapper.parent = null;
  }

  #directory(parts: readonly string[], path: string): TreeDirectory {
    if (parts.length > MAX_DEPTH) {
      throw this.#fault(`${shown(path)} lies in more than ${MAX_DEPTH} directories`);
    }
    let directory = this.#root;
    for (const part of parts) {
      const child = directory.children.get(part) ?? this.#newDirectory(directory, part);
      if (child.kind !== 'directory') {
        throw this.#fault(`it holds ${shown(path)} below what is no directory`);
      }
      directory = child;
    }
    return directory;
  }

  #newDirectory(parent: TreeDirectory, name: string): TreeDirectory {
    this.#grow();
    const directory = newDirectory(parent);
    parent.children.set(name, directory);
    return directory;
  }

  #grow(): void {
    this.#count += 1;
    if (this.#count > this.#limits.files) {
      throw moduleTooLarge(this.#limits);
    }
  }
}

function newDirectory(parent: TreeDirectory | null): TreeDirectory {
  return { kind: 'directory', parent, children: new Map() };
}
