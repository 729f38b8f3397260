import { AVAILABLE, type Program, PROGRAMS } from './terraform-programs.ts';

/** What is tried with each client. */
export const ACTIONS = [
  'init',
  'lock file',
  'upgrade',
  'providers lock',
  'providers mirror',
  'network mirror',
  'mirror lock',
  'module',
  'host override',
  'yank',
  'token',
  'login',
  'netrc',
  'native provider',
  'native module',
] as const;
export type Action = (typeof ACTIONS)[number];

/** Whether a client does something with us, and what there is to know about it; `none`: it cannot, whatever the server does. */
export type Cell = { readonly works: string | null } | { readonly none: string };

const works: Cell = { works: null };
const worksSo = (note: string): Cell => ({ works: note });
const none = (note: string): Cell => ({ none: note });

const COMMON = {
  init: works,
  'lock file': works,
  upgrade: works,
  'providers lock': works,
  'providers mirror': works,
  'network mirror': worksSo('for hosts without a port; clients cannot ask for others'),
  'mirror lock': worksSo('`providers lock -net-mirror=`'),
  module: works,
  'host override': works,
  yank: worksSo('a lock file that names a yanked version fails with its reason: clients install nothing that is not listed'),
  token: works,
  login: worksSo('not where `TF_CLI_CONFIG_FILE` is set: with that clients read no saved token'),
  netrc: works,
} as const;
const TERRAFORM = { ...COMMON, 'native provider': none('reads no OCI registries'), 'native module': none('reads no OCI registries') } as const;
const TOFU = { ...COMMON, 'native provider': works, 'native module': works } as const;

/** What works: the test run proves it, and `docs/clients-terraform.md` shows it. */
export const MATRIX: Readonly<Record<Program, Readonly<Record<Action, Cell>>>> = {
  terraform: TERRAFORM,
  'terraform 1.13': TERRAFORM,
  'tofu 1.12': TOFU,
  'tofu 1.10': TOFU,
};

/** The clients that are there and that an action is tried with. */
export function clientsOf(action: Action): readonly Program[] {
  return AVAILABLE.filter((program) => 'works' in MATRIX[program][action]);
}

/** What a run showed. */
export class MatrixRun {
  readonly #shown = new Set<string>();

  /** A test has shown that a client does something. */
  shows(program: Program, action: Action): void {
    this.#shown.add(`${program}/${action}`);
  }

  /** The table as Markdown, which is plain text too; what was not shown is marked. */
  table(): string {
    return renderMatrix((program, action) => (AVAILABLE.includes(program) ? this.#shown.has(`${program}/${action}`) : null));
  }
}

/** The table; what should work and is not shown reads FAILED, and what no client was there for: not run. @param isShown null: not tried. */
export function renderMatrix(isShown: (program: Program, action: Action) => boolean | null): string {
  const notes: string[] = [];
  const rows = ACTIONS.map((action) => [action, ...PROGRAMS.map((program) => cellText(MATRIX[program][action], isShown(program, action), notes))]);
  const all = [['', ...PROGRAMS], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1), '', ...notes.map((note, index) => `${index + 1}. ${note}`)].join('\n');
}

function cellText(cell: Cell, isShown: boolean | null, notes: string[]): string {
  const note = 'works' in cell ? cell.works : cell.none;
  if (note !== null && !notes.includes(note)) {
    notes.push(note);
  }
  const mark = note === null ? '' : ` (${notes.indexOf(note) + 1})`;
  if (isShown === null) {
    return 'not run';
  }
  if ('none' in cell) {
    return `n/a${mark}`;
  }
  return `${isShown ? 'yes' : 'FAILED'}${mark}`;
}
