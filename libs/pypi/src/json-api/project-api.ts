import { createHash } from 'node:crypto';

import type { PypiIndex } from '../config/indexes.ts';
import { projectInfo } from '../metadata/project-info.ts';
import { parseCoreMetadata } from '../metadata/core-metadata.ts';
import type { ProjectPage } from '../model/project-page.ts';
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

/** A document that can be had. */
export interface ApiDocument {
  /** Changes whenever the bytes do. */
  readonly revision: string;
  /** All of it. Thousands of files take a while: not to be made where the revision says enough. */
  bytes(): Buffer;
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
  /** Of the pages that are kept, which stay the same as long as nothing changes. */
  readonly #releases = new WeakMap<ProjectPage, readonly Release[]>();

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
    const releases = shown === null ? [] : this.#releasesOf(shown.page);
    const release = version === null ? shownRelease(releases) : releaseOf(releases, version);
    if (shown === null || (version !== null && release === null)) {
      return null;
    }
    const info = JSON.stringify(await this.#info(release, { index, name, urls, call }));
    const all = version === null ? releases : null;
    const [first] = shown.page.files;
    const parts = [name, version === null ? null : (release?.version ?? null), shown.revision, info, first === undefined ? null : urls.file(first)];
    return { revision: createHash('sha256').update(JSON.stringify(parts)).digest('hex'), bytes: () => encoded({ info, all, release }, name, urls) };
  }

  #releasesOf(page: ProjectPage): readonly Release[] {
    const known = this.#releases.get(page);
    const releases = known ?? releasesOf(page);
    if (known === undefined) {
      this.#releases.set(page, releases);
    }
    return releases;
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

/** @param parts `info` as JSON; `all` releases, null for those of one version. */
function encoded({ info, all, release }: { readonly info: string; readonly all: readonly Release[] | null; readonly release: Release | null }, name: string, urls: ApiUrls): Buffer {
  return Buffer.from(
    objectText([
      ['info', info],
      ...(all === null ? [] : [['releases', objectText(all.map((one) => [one.version, filesText(one, name, urls)]))] as const]),
      ['urls', filesText(release, name, urls)],
      ['vulnerabilities', '[]'],
    ]),
  );
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
