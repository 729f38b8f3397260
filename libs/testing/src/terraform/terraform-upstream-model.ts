import type { IncomingHttpHeaders } from 'node:http';

import type { TestAuthority } from '../test-authority.ts';
import type { ProviderRelease, SmallReleaseFile } from './provider-release.ts';
import type { FaultKind } from './terraform-upstream-fault.ts';

/** A provider of the scripted upstream. */
export interface UpstreamProvider {
  readonly namespace: string;
  readonly type: string;
  readonly releases: readonly ProviderRelease[];
  readonly warnings?: readonly string[];
  /** Of the registry's partner key over the publisher's. */
  readonly trustSignature?: string;
  readonly source?: string;
  /** What every package document carries besides, or in place of what it would. */
  readonly change?: Readonly<Record<string, unknown>>;
  /** Keys in place of those that signed. */
  readonly keys?: readonly { readonly key_id: string; readonly ascii_armor: string; readonly trust_signature?: string }[];
}

/** A version of a module: where it is, and how that is said. */
export interface UpstreamModuleVersion {
  readonly version: string;
  /** An archive that this upstream serves itself, or a commit of its forge, or any go-getter address. */
  readonly at: { readonly archive: SmallReleaseFile } | { readonly repository: string; readonly ref: string; readonly subdirectory?: string } | { readonly location: string };
  /** `header` (204) when absent, as the public one does; `body`: 200 with JSON alone. */
  readonly answer?: 'header' | 'body' | 'both';
}

/** A module of the scripted upstream. */
export interface UpstreamModule {
  readonly namespace: string;
  readonly name: string;
  readonly system: string;
  readonly versions: readonly UpstreamModuleVersion[];
}

/** A request that the scripted upstream took. */
export interface TerraformUpstreamRequest {
  /** The registry's own port, or the one that files and the forge are on. */
  readonly host: 'registry' | 'files';
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** How the scripted upstream looks. */
export interface TerraformUpstreamOptions {
  /** Https with certificates of it; http when absent. */
  readonly authority?: TestAuthority;
  /** How URLs are written: relative ones, or absolute ones to another port of loopback (when absent). */
  readonly links?: 'relative' | 'other-host';
  /** In place of `/v1/providers/` and `/v1/modules/` in the discovery document; null leaves one out. */
  readonly discovery?: Readonly<Record<string, string | null>>;
}

/** A scripted registry on loopback, with the host of its files, which is a git forge too. */
export interface TerraformUpstream {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `127.0.0.1:<port>`: what a source address would name. */
  readonly host: string;
  /** Origin of files and forge. */
  readonly filesUrl: string;
  /** Paths asked for, in order, on both ports. */
  readonly requests: readonly string[];
  /** The same requests, in full. */
  readonly log: readonly TerraformUpstreamRequest[];
  /** What it has, by `namespace/type`; may be changed at any time. */
  readonly providers: Map<string, UpstreamProvider>;
  /** By `namespace/name/system`. */
  readonly modules: Map<string, UpstreamModule>;
  /** Files of each commit of each repository of the forge: `owner/name`, then the ref. */
  readonly repositories: Map<string, Map<string, Readonly<Record<string, string>>>>;
  put(provider: UpstreamProvider): void;
  putModule(module: UpstreamModule): void;
  putCommit(repository: string, ref: string, files: Readonly<Record<string, string>>): void;
  /** From now on what fits `path` fails, `times` times (always when absent). @returns what ends it. */
  fail(path: RegExp, how: FaultKind, times?: number): () => void;
  /** `up`, or how all of it fails: answers 503, drops connections, or never answers. */
  mode: 'up' | 'error' | 'drop' | 'hang';
  close(): Promise<void>;
}

/** What the parts of the upstream know of it. */
export interface UpstreamView {
  readonly upstream: TerraformUpstream;
  readonly links: 'relative' | 'other-host';
}
