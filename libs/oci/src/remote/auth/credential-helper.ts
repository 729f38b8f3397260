import { spawn } from 'node:child_process';

import { ProxyError } from '@oci-package-proxy/errors';

import type { Credential } from './credentials.ts';

const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const TIMEOUT_MS = 15_000;
const MAX_OUTPUT = 65_536;
const IDENTITY_TOKEN_USER = '<token>';

/**
 * Asks `docker-credential-<name>` for the credential of `server`, as the docker command line does:
 * https://github.com/docker/docker-credential-helpers. `null` when the helper has none.
 * @param timeoutMs default 15 s.
 * @throws ProxyError `config` when the name is unfit, or the program is missing, fails, or takes longer.
 */
export async function askCredentialHelper(name: string, server: string, timeoutMs: number = TIMEOUT_MS): Promise<Credential | null> {
  if (!HELPER_NAME.test(name)) {
    throw new ProxyError('config', 'docker credential file: the name of a credential helper has characters that it must not have');
  }
  const program = `docker-credential-${name}`;
  const result = await run(program, server, timeoutMs);
  if (result.code === 0) {
    return credentialOf(result.output, program);
  }
  if (/credentials not found/i.test(result.output)) {
    return null;
  }
  throw new ProxyError('config', `${program} for ${server}: ${result.code === null ? 'took too long or was ended' : `failed with exit code ${result.code}`}`);
}

function credentialOf(output: string, program: string): Credential | null {
  const answer = parsed(output);
  if (answer === null || typeof answer.Username !== 'string' || typeof answer.Secret !== 'string') {
    throw new ProxyError('config', `${program}: its answer is not a credential`);
  }
  if (answer.Secret === '') {
    return null;
  }
  return answer.Username === IDENTITY_TOKEN_USER ? { identityToken: answer.Secret } : { username: answer.Username, password: answer.Secret };
}

function parsed(output: string): { Username?: unknown; Secret?: unknown } | null {
  try {
    return JSON.parse(output) as { Username?: unknown; Secret?: unknown } | null;
  } catch {
    return null;
  }
}

async function run(program: string, input: string, timeoutMs: number): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = Promise.withResolvers<number | null>();
  child.once('error', (error) => ended.reject(new ProxyError('config', `${program}: cannot be started`, { cause: error })));
  child.once('close', (code) => ended.resolve(code));
  const late = setTimeout(() => {
    child.kill('SIGKILL');
    // Many helpers are scripts: what they started outlives them and holds the output open, and so nothing would be closed.
    child.stdout.destroy();
    ended.resolve(null);
  }, timeoutMs);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > MAX_OUTPUT) {
      child.kill('SIGKILL');
    }
  });
  // A helper that ends without reading its input is judged by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    return { code: await ended.promise, output };
  } finally {
    clearTimeout(late);
  }
}
