import type { ProjectFile } from '../model/project-page.ts';

/**
 * Where the files of a page are found: absolute, or relative to the page. Neither may have a query, since clients put `.metadata` after
 * all of it (PEP 658), nor a fragment; the last segment of a file's is its name. What is escaped for HTML is escaped by who writes HTML.
 */
export interface FileUrls {
  file(file: ProjectFile): string;
  /** Of the provenance document; PEP 740 wants it absolute. Asked only where `hasProvenance`. */
  provenance(file: ProjectFile): string;
}

/** Files in one folder, each with its provenance document beside it. @param folder its URL, with or without a slash at the end. */
export function fileUrlsIn(folder: string): FileUrls {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  const file = ({ filename }: ProjectFile): string => `${prefix}${encodeURIComponent(filename.toWellFormed())}`;
  return { file, provenance: (of) => `${file(of)}.provenance` };
}
