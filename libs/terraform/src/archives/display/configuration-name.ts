const PLACED = /^(modules\/[^/]+\/)?([^/]+)$/;
const CONFIGURATION = /\.(?:tf|tofu)(?:\.json)?$/;
// Editors' copies, which clients pass over too.
const IGNORED = /^\.|~$|^#.*#$/;

/** Whether a file is configuration of a module's root, or of a directory below `modules/`. @param path relative to the root. */
export function isConfiguration(path: string): boolean {
  const name = PLACED.exec(path)?.[2];
  return name !== undefined && CONFIGURATION.test(name) && !IGNORED.test(name);
}

/** The part of a module that a file lies in: empty for the root, `modules/<name>`, or null for any other place. */
export function partOf(path: string): string | null {
  const match = PLACED.exec(path);
  return match === null ? null : (match[1] ?? '').replace(/\/$/, '');
}
