/** How a registry is reached: what `RemoteRegistry` takes. */
export interface RegistryConnection {
  readonly url: string;
  readonly credentials?: { credentialFor(host: string): Promise<{ readonly username: string; readonly password: string } | null> };
  /** PEM. */
  readonly ca?: string;
  readonly clientCertificate?: { readonly certFile: string; readonly keyFile: string };
}

/** The same as an app is told: variables of its environment, and `storage` of its CONFIG_FILE. */
export interface RegistrySettings {
  readonly environment: Readonly<Record<string, string>>;
  readonly storage: Readonly<Record<string, string>>;
}

/** A real registry that runs. */
export interface StartedRegistry {
  readonly connection: RegistryConnection;
  readonly settings: RegistrySettings;
  /** Of its own, gone when it stops. */
  readonly directory: string;
  /** Overwrites the stored bytes of a blob behind the registry's back. @param repository with the prefix. @param digest `sha256:<hex>`. */
  corrupt(repository: string, digest: string, bytes: Buffer): Promise<void>;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/** Where a registry answers otherwise than most do. */
export interface RegistryOddities {
  /** Our error code when a manifest names missing blobs; `taken`: it stores the manifest. */
  readonly missingParts?: string;
  /** Our error code for a part of a blob that begins after the end. */
  readonly rangeBeyond?: string;
  /** It says that a blob is missing when its bytes were damaged. */
  readonly hidesDamage?: boolean;
}

/** A real registry in one of the forms that it is tested in, and what tests must know of it beforehand. */
export interface RegistryUnderTest {
  /** With its version: `distribution 3.1.2`. */
  readonly server: string;
  /** How it lets clients in, and how it is set up: `Basic`, `no authentication, deletes`. */
  readonly form: string;
  /** Whether tags can be got rid of. */
  readonly deletesTags: boolean;
  readonly oddities: RegistryOddities;
  /** Whether a tag can never be put again, but for those that we derive. */
  readonly immutableTags: boolean;
  start(): Promise<StartedRegistry>;
}
