/** PEP 792: the state of a whole project. */
export type StatusMarker = 'active' | 'archived' | 'quarantined' | 'deprecated';

/** PEP 792: a status and why. */
export interface ProjectStatus {
  readonly status: StatusMarker;
  readonly reason: string | null;
}

/** One file of a project, as an index shows it, wherever it comes from. */
export interface ProjectFile {
  readonly filename: string;
  /** As the file's name has it, normalized where it follows PEP 440; null where the name does not tell. */
  readonly version: string | null;
  /** Lower-case hex by the name of the algorithm as `hashlib` knows it; may be empty. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Bytes; null where nobody knows (an upstream that has only HTML). */
  readonly size: number | null;
  /** PEP 700, `yyyy-mm-ddThh:mm:ss[.ffffff]Z`; null where nobody knows. */
  readonly uploadTime: string | null;
  readonly requiresPython: string | null;
  /** PEP 592: null: not yanked; empty: yanked without a reason. */
  readonly yanked: string | null;
  /** PEP 714: sha256 of what `<file URL>.metadata` serves; null: nothing can be served there. */
  readonly metadataSha256: string | null;
  /** PEP 740: whether `<file URL>.provenance` serves something. */
  readonly hasProvenance: boolean;
  /** PEP 503: whether there is a PGP signature; null: not said. */
  readonly gpgSignature: boolean | null;
}

/** A project, as an index shows it: PEP 691. */
export interface ProjectPage {
  /** Normalized. */
  readonly name: string;
  /** Null: nothing is said, which means active. */
  readonly status: ProjectStatus | null;
  /** PEP 700: every version that a file has, each once. */
  readonly versions: readonly string[];
  readonly files: readonly ProjectFile[];
}

/** A file as upstream shows it. */
export interface UpstreamFile extends ProjectFile {
  /** Absolute, without its fragment. */
  readonly url: string;
  /** Absolute; null where upstream shows none. */
  readonly provenanceUrl: string | null;
}

/** A project as upstream shows it. */
export interface UpstreamPage extends ProjectPage {
  readonly files: readonly UpstreamFile[];
}
