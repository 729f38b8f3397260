import { posix } from 'node:path';

import { badArchive, shown } from './archive-failure.ts';

/**
 * The path of a member of an archive, without `./`. Who unpacks on Windows reads a backslash as a slash, and so is it read here.
 * @throws ProxyError `invalid` for one that leads out of the directory that it is unpacked into.
 */
export function memberPath(name: string): string {
  const path = posix.normalize(name.replaceAll('\\', '/'));
  if (name === '' || name.includes('\0') || leadsOut(path)) {
    throw badArchive(`its member ${shown(name)} would be unpacked outside of its directory`);
  }
  return path;
}

/**
 * Sees that a link stays within the archive.
 * @param link `from`: the directory that the target is relative to: that of a symbolic link, none for a hard one.
 * @throws ProxyError `invalid`.
 */
export function checkLink(link: { readonly name: string; readonly target: string; readonly from: string }): void {
  const target = link.target.replaceAll('\\', '/');
  if (target.includes('\0') || target.startsWith('/') || leadsOut(posix.join(link.from, target))) {
    throw badArchive(`its link ${shown(link.name)} leads out of it, to ${shown(link.target)}`);
  }
}

function leadsOut(path: string): boolean {
  return path.startsWith('/') || path === '..' || path.startsWith('../') || /^[a-z]:/i.test(path);
}
