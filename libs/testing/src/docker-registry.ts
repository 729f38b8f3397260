import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort, type RunningServer, startServer, temporaryDirectory } from './process.ts';
import type { TestCertificate } from './test-authority.ts';

/** A docker-registry (distribution 2.8) of the machine's own package. */
export interface RunningRegistry extends RunningServer {
  /** `http://127.0.0.1:<port>` (https with `tls`), without a prefix. */
  readonly url: string;
  /** Where it keeps its blobs; survives `stop` when it was given. */
  readonly directory: string;
}

/** Starts docker-registry on a free loopback port (or `port`) on `directory` (or a new one, removed at stop).
 * `htpasswd` is the text of a bcrypt htpasswd file for Basic authentication. Two may run on one directory. `command` is another
 * program that takes the same configuration: distribution 3. */
export async function startDockerRegistry(
  options: {
    readonly command?: string;
    readonly port?: number;
    readonly directory?: string;
    readonly htpasswd?: string;
    readonly deletes?: boolean;
    readonly readOnly?: boolean;
    /** With `clientCaFile` only clients that show a certificate of that CA are let in. */
    readonly tls?: Pick<TestCertificate, 'certFile' | 'keyFile'> & { readonly clientCaFile?: string };
  } = {},
): Promise<RunningRegistry> {
  const port = options.port ?? (await freePort());
  const directory = options.directory ?? (await temporaryDirectory('registry'));
  const configuration: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'data') },
      delete: { enabled: options.deletes ?? false },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: options.readOnly ?? false } },
    },
    http: { addr: `127.0.0.1:${port}`, ...(options.tls !== undefined && { tls: tlsOf(options.tls) }) },
  };
  if (options.htpasswd !== undefined) {
    await writeFile(join(directory, 'htpasswd'), options.htpasswd);
    configuration['auth'] = { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } };
  }
  // JSON is YAML.
  const file = join(directory, `config-${port}.yml`);
  await writeFile(file, JSON.stringify(configuration));
  const server = await startServer({
    command: options.command ?? 'docker-registry',
    // distribution 3 sends traces to a collector unless it is told not to.
    environment: { OTEL_TRACES_EXPORTER: 'none' },
    arguments: ['serve', file],
    port,
    directory,
    debianPackage: 'docker-registry',
    keepDirectory: options.directory !== undefined,
  });
  return { ...server, url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, directory };
}

function tlsOf({ certFile, keyFile, clientCaFile }: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string }): object {
  return { certificate: certFile, key: keyFile, ...(clientCaFile !== undefined && { clientcas: [clientCaFile] }) };
}
