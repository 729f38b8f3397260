import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const TIMEOUT_MS = 20_000;

// pip's own parser knows its configuration files, variables and built-in default alike. The working directory is nobody's library.
const ASK_PIP = `
import sys
sys.path[:] = [path for path in sys.path if path]
from pip._internal.commands import create_command
print(create_command("install").parser.get_default_values().index_url)
`;

const QUESTIONS: readonly (readonly [string, readonly string[]])[] = [
  ['python3', ['-c', ASK_PIP]],
  ['python', ['-c', ASK_PIP]],
  ['pip3', ['config', 'get', 'global.index-url']],
  ['pip', ['config', 'get', 'global.index-url']],
];

/** An index that this machine's own clients use. */
export interface MachineIndex {
  /** Without a slash at its end, user, password, query and fragment. */
  readonly url: string;
  /** Whether a credential was left out, without which it may answer nothing. */
  readonly hadCredential: boolean;
}

/** Runs a program and returns what it prints. */
export type Run = (program: string, args: readonly string[]) => Promise<string>;

/**
 * The index that this machine's own pip uses; without a pip that says so, the first of `otherwise` that is one; null when
 * there is none.
 */
export async function defaultPypiUpstream(otherwise: readonly (string | undefined)[], run: Run = runProgram): Promise<MachineIndex | null> {
  for (const [program, args] of QUESTIONS) {
    // Not installed, too old, or without such a setting: the next one may know.
    const index = machineIndex(await run(program, args).catch(() => ''));
    if (index !== null) {
      return index;
    }
  }
  return otherwise.map((text) => machineIndex(text ?? '')).find((index) => index !== null) ?? null;
}

function machineIndex(printed: string): MachineIndex | null {
  const url = URL.parse(printed.trim().split('\n').at(-1)?.trim() ?? '');
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return null;
  }
  return { url: `${url.origin}${url.pathname}`.replace(/\/+$/, ''), hadCredential: url.username !== '' || url.password !== '' || url.search !== '' };
}

async function runProgram(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { timeout: TIMEOUT_MS, encoding: 'utf8', windowsHide: true });
  return stdout;
}
