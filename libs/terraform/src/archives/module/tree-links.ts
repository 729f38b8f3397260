import type { TreeDirectory, TreeFile, TreeNode } from './module-tree.ts';

// What operating systems follow at most.
const MAX_HOPS = 40;
const MAX_STEPS = 500_000;

/** Why a link leads to nothing that can stand in its place. */
export type BadLink = 'leads out of the archive' | 'leads to nothing' | 'leads in a circle';

interface Walk {
  hops: number;
}

/** Follows symbolic links within the tree of a module. */
export class TreeLinks {
  #steps = 0;

  /** What a path leads to, seen from a directory; links on the way are followed. */
  follow(from: TreeDirectory, target: string): TreeDirectory | TreeFile | BadLink {
    return this.#follow(from, target, { hops: 0 });
  }

  #follow(from: TreeDirectory, target: string, walk: Walk): TreeDirectory | TreeFile | BadLink {
    if (target.startsWith('/') || target.includes('\\') || /^[a-z]:/i.test(target)) {
      return 'leads out of the archive';
    }
    walk.hops += 1;
    if (walk.hops > MAX_HOPS) {
      return 'leads in a circle';
    }
    let found: TreeDirectory | TreeFile | BadLink = from;
    for (const part of target.split('/').filter((text) => text !== '' && text !== '.')) {
      found = this.#step(found, part, walk);
      if (typeof found === 'string') {
        return found;
      }
    }
    return found;
  }

  #step(from: TreeDirectory | TreeFile, part: string, walk: Walk): TreeDirectory | TreeFile | BadLink {
    this.#steps += 1;
    if (from.kind === 'file') {
      return 'leads to nothing';
    }
    if (this.#steps > MAX_STEPS) {
      return 'leads in a circle';
    }
    if (part === '..') {
      return from.parent ?? 'leads out of the archive';
    }
    const child: TreeNode | undefined = from.children.get(part);
    if (child?.kind === 'link') {
      return this.#follow(from, child.target, walk);
    }
    return child ?? 'leads to nothing';
  }
}
