import { createHash } from 'node:crypto';

import type { PypiIndex } from '../config/indexes.ts';
import { projectInfo } from '../metadata/project-info.ts';
import { parseCoreMetadata } from '../metadata/core-metadata.ts';
import type { FileUrls } from '../pages/file-urls.ts';
import type { ProjectReader, ReadCall } from '../read/read-port.ts';
import { apiFile } from './api-file.ts';
import { releaseMetadata } from './release-metadata.ts';
import { type Release, releaseOf, releasesOf, shownRelease } from './releases.ts';

/** Where what the document names is; all absolute. */
export interface ApiUrls extends FileUrls {
  /** The project's page. @param name normalized. */
  project(name: string): string;
}

/** A document, whole. */
export interface ApiDocument {
  readonly bytes: Buffer;
  /** Changes if and only if the bytes do. */
  readonly revision: string;
}

/** What the document is made from. */
export type ApiReader = Pick<ProjectReader, 'page' | 'metadata' | 'description'>;

interface InfoSource {
  readonly index: PypiIndex;
  readonly name: string;
  readonly urls: ApiUrls;
  readonly call: ReadCall;
}

/**
 * The JSON API of the public index: what tools ask for release times, yanks and a project's home.
 *
 * Left out is what we do not know: `last_serial` (a made-up serial makes mirrors believe that they are ahead) and `ownership`.
 * `vulnerabilities` is there and always empty, as clients read it without asking whether it is there: nobody may take it for a
 * statement that there are none. Download counts are -1, as at the public index. A file whose name tells no version is in no release.
 */
export class ProjectApi {
  readonly #reader: ApiReader;

  constructor({ reader }: { readonly reader: ApiReader }) {
    this.#reader = reader;
  }

  /**
   * The document of a project with all its releases, or of one version; null when there is none.
   * @param name normalized.
   * @param version in any spelling; null: the project's document.
   * @throws ProxyError as `ProjectReader.page`.
   */
  async get(index: PypiIndex, name: string, version: string | null, urls: ApiUrls, call: ReadCall = {}): Promise<ApiDocument | null> {
    const shown = await this.#reader.page(index, name, call);
    const releases = shown === null ? [] : releasesOf(shown.page);
    const release = version === null ? shownRelease(releases) : releaseOf(releases, version);
    if (shown === null || (version !== null && release === null)) {
      return null;
    }
    const bytes = Buffer.from(
      objectText([
        ['info', JSON.stringify(await this.#info(release, { index, name, urls, call }))],
        ...(version === null ? [['releases', objectText(releases.map((one) => [one.version, filesText(one, name, urls)]))] as const] : []),
        ['urls', filesText(release, name, urls)],
        ['vulnerabilities', '[]'],
      ]),
    );
    return { bytes, revision: createHash('sha256').update(bytes).digest('hex') };
  }

  async #info(release: Release | null, { index, name, urls, call }: InfoSource): Promise<Record<string, unknown>> {
    const metadata = release === null ? null : await releaseMetadata(this.#reader, release, { index, name, call });
    const info = projectInfo(metadata ?? parseCoreMetadata(Buffer.alloc(0)));
    const page = urls.project(name);
    const yanked = release?.yanked ?? null;
    return {
      ...info,
      name: metadata?.name ?? name,
      version: release?.version ?? null,
      package_url: page,
      project_url: page,
      release_url: release === null ? page : `${page.replace(/\/*$/, '')}/${encodeURIComponent(release.version)}/`,
      requires_python: requiresPythonOf(release) ?? info['requires_python'] ?? null,
      yanked: yanked !== null,
      yanked_reason: yanked === '' ? null : yanked,
    };
  }
}

/** What pages say goes before what metadata says, as installers go by it. */
function requiresPythonOf(release: Release | null): string | null {
  return release?.files.find(({ requiresPython }) => requiresPython !== null)?.requiresPython ?? null;
}

function filesText(release: Release | null, name: string, urls: ApiUrls): string {
  return JSON.stringify((release?.files ?? []).map((file) => apiFile(file, name, urls)));
}

/** JSON of an object whose members stay in their order: JavaScript moves names such as `2024` to the front. */
function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
