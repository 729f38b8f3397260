import { parseFilename } from '../../names/filename.ts';
import { canonicalVersion } from '../../names/version.ts';
import type { NamedVersion } from './dist-info.ts';

const PKG_INFO = /^([^/]+)\/PKG-INFO$/;

/** Chooses among the `<top>/PKG-INFO` members of a source distribution: https://packaging.python.org/en/latest/specifications/source-distribution-format/ */
export class PkgInfo {
  readonly #sdist: NamedVersion;
  #chosen: { readonly bytes: Buffer; readonly exact: boolean } | null = null;

  constructor(sdist: NamedVersion) {
    this.#sdist = sdist;
  }

  /** Whether the member at `path` would be taken: the first one, or the one of the directory that is named as the file is. */
  wants(path: string): boolean {
    const top = PKG_INFO.exec(path)?.[1];
    return top !== undefined && (this.#chosen === null || this.#isExact(top));
  }

  /** Takes what {@link wants} said. Of two with one path the later one counts, as when they are unpacked. */
  take(path: string, bytes: Buffer): void {
    this.#chosen = { bytes, exact: this.#isExact(path.slice(0, path.indexOf('/'))) };
  }

  /** Null: there is none. */
  bytes(): Buffer | null {
    return this.#chosen?.bytes ?? null;
  }

  #isExact(top: string): boolean {
    const named = parseFilename(`${top}.tar.gz`, this.#sdist.name);
    return named?.kind === 'sdist' && named.name === this.#sdist.name && canonicalVersion(named.version) === canonicalVersion(this.#sdist.version);
  }
}
