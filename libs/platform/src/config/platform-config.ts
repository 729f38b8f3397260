import type { AddressRange } from '../http/trusted-proxies.ts';
import type { LogLevel } from '../logging/logger.ts';
import type { PlatformFile, StorageAccessConfig } from './config-file.ts';

/** HTTPS: a certificate of the operator's, one that we make ourselves, or none. */
export type TlsConfig =
  | { readonly kind: 'files'; readonly port: number; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: 'self-made'; readonly port: number; readonly directory: string };

/** Where packages are kept. */
export interface StorageConfig extends StorageAccessConfig {
  /** `layout:<directory>`, or the `https://` or `http://` URL of a registry with the prefix as its path. */
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  /** Where `password` came from, and a newer one may be by now; null: from the environment. */
  readonly passwordFile: string | null;
  /** Path of the docker `config.json` that DOCKER_CONFIG names; null: the one in the home directory. */
  readonly dockerConfigFile: string | null;
}

/** The validated configuration that every app shares. Nothing else reads the environment. */
export interface PlatformConfig {
  readonly app: string;
  readonly standalone: boolean;
  /** Whether it is a command that ends again and serves nothing. */
  readonly admin: boolean;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `''` for the root, else like `/npm`: never a slash at its end. */
  readonly basePath: string;
  /** Whether `host` can be reached from this machine only. */
  readonly loopback: boolean;
  /** Without a slash at its end. */
  readonly publicUrl: string | null;
  readonly tls: TlsConfig | null;
  readonly trustedProxies: readonly AddressRange[];
  readonly secretKey: string;
  /** The name we have in `Via` headers; the same for all who share `secretKey`, so that loops through a load balancer are seen. */
  readonly instanceId: string;
  readonly publish: boolean;
  readonly dataDir: string;
  /** `<dataDir>/spool`. */
  readonly spoolDir: string;
  /** Bytes. */
  readonly spoolMaxBytes: number;
  readonly storage: StorageConfig;
  /** null: in-process. */
  readonly queueUrl: string | null;
  readonly cacheUrl: string | null;
  /** Which queues a worker takes; null: all. */
  readonly ecosystems: readonly string[] | null;
  readonly usersFile: string | null;
  readonly adminToken: string | null;
  /** Set when the admin token was made by this very start, and is to be shown now or never. */
  readonly adminTokenIsNew: boolean;
  readonly anonymousRead: boolean;
  /** Whether accounts of the storage registry are let in, with the rights that they have there. */
  readonly registryPassThrough: boolean;
  readonly internal: {
    readonly host: string;
    /** 0: any free port; null: switched off. */
    readonly port: number | null;
    /** Without a slash at its end; null: to be made of host and port, where both are fit for it. */
    readonly url: string | null;
  };
  readonly logLevel: LogLevel;
  /** CONFIG_FILE, parsed, with the sections that the app added. */
  readonly file: PlatformFile;
}
