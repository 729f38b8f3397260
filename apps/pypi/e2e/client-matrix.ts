/** The clients, unmodified, in the versions of `scripts/clients/`; `system pip` is what the machine has. */
export const CLIENTS = ['pip', 'pip 21', 'system pip', 'uv', 'poetry', 'pdm', 'pipenv', 'hatch', 'flit', 'twine'] as const;
export type Client = (typeof CLIENTS)[number];

/** What is tried with each of them. */
export const ACTIONS = ['install', 'lock', 'sign in', 'yank', 'new version', 'broken download', 'ranges', 'age gate', 'publish', 'same again', 'other bytes', 'skip existing'] as const;
export type Action = (typeof ACTIONS)[number];

/** Whether a client does something with us, and what there is to know about it; `none`: it cannot, whatever the server does. */
export type Cell = { readonly works: string | null } | { readonly none: string };

const works: Cell = { works: null };
const worksSo = (note: string): Cell => ({ works: note });
const none = (note: string): Cell => ({ none: note });

const NO_INSTALL = none('installs nothing');
const NO_PUBLISH = none('publishes nothing');
const NO_LOCK = none('has no lock file');
const READS_METADATA = none('reads the metadata beside the wheel, and whole wheels where there is none');
const NO_GATE = none('has no limit by time of upload');

const INSTALLS_ONLY = { publish: NO_PUBLISH, 'same again': NO_PUBLISH, 'other bytes': NO_PUBLISH, 'skip existing': NO_PUBLISH } as const;
const PUBLISHES = { publish: works, 'same again': works, 'other bytes': works } as const;

/** What works: the test run proves it, and `docs/clients-pypi.md` shows it. */
export const MATRIX: Readonly<Record<Client, Readonly<Record<Action, Cell>>>> = {
  pip: { install: works, lock: works, 'sign in': works, yank: works, 'new version': works, 'broken download': works, ranges: works, 'age gate': works, ...INSTALLS_ONLY },
  'pip 21': {
    install: works,
    lock: NO_LOCK,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': none('gives up'),
    ranges: works,
    'age gate': NO_GATE,
    ...INSTALLS_ONLY,
  },
  'system pip': {
    install: works,
    lock: NO_LOCK,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': none('gives up or resumes, by its version'),
    ranges: works,
    'age gate': NO_GATE,
    ...INSTALLS_ONLY,
  },
  uv: {
    install: works,
    lock: works,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': worksSo('begins again'),
    ranges: works,
    'age gate': works,
    ...PUBLISHES,
    'skip existing': worksSo('`--check-url`'),
  },
  poetry: {
    install: works,
    lock: works,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': worksSo('with `requests.max-retries`'),
    ranges: works,
    'age gate': worksSo('`solver.min-release-age`'),
    ...PUBLISHES,
    'skip existing': works,
  },
  pdm: {
    install: works,
    lock: works,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': worksSo('begins again'),
    ranges: READS_METADATA,
    'age gate': works,
    ...PUBLISHES,
    'skip existing': works,
  },
  pipenv: { install: works, lock: works, 'sign in': works, yank: works, 'new version': works, 'broken download': works, ranges: worksSo('`PIP_USE_FEATURE`'), 'age gate': worksSo('`PIP_UPLOADED_PRIOR_TO`'), ...INSTALLS_ONLY },
  hatch: {
    install: works,
    lock: NO_LOCK,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': worksSo('as pip, which it runs'),
    ranges: worksSo('`PIP_USE_FEATURE`'),
    'age gate': worksSo('`PIP_UPLOADED_PRIOR_TO`'),
    ...PUBLISHES,
    'skip existing': worksSo('by the listing at `+simple`, always'),
  },
  flit: {
    install: works,
    lock: NO_LOCK,
    'sign in': works,
    yank: works,
    'new version': works,
    'broken download': worksSo('as pip, which it runs'),
    ranges: worksSo('`PIP_USE_FEATURE`'),
    'age gate': worksSo('`PIP_UPLOADED_PRIOR_TO`'),
    ...PUBLISHES,
    'skip existing': none('has no such option'),
  },
  twine: {
    install: NO_INSTALL,
    lock: NO_INSTALL,
    'sign in': works,
    yank: NO_INSTALL,
    'new version': NO_INSTALL,
    'broken download': NO_INSTALL,
    ranges: NO_INSTALL,
    'age gate': NO_INSTALL,
    ...PUBLISHES,
    'skip existing': none('refuses `--skip-existing` for every index but the public one; what is the same already succeeds'),
  },
};

/** The clients that an action is tried with. */
export function clientsOf(action: Action): readonly Client[] {
  return CLIENTS.filter((client) => 'works' in MATRIX[client][action]);
}

/** What a run showed. */
export class MatrixRun {
  readonly #shown = new Set<string>();

  /** A test has shown that a client does something. */
  shows(client: Client, action: Action): void {
    this.#shown.add(`${client}/${action}`);
  }

  /** The table as Markdown, which is plain text too; what was not shown is marked. */
  table(): string {
    return renderMatrix((client, action) => this.#shown.has(`${client}/${action}`));
  }
}

/** The table; what should work and is not shown reads FAILED. */
export function renderMatrix(isShown: (client: Client, action: Action) => boolean): string {
  const notes: string[] = [];
  const rows = CLIENTS.map((client) => [client, ...ACTIONS.map((action) => cellText(MATRIX[client][action], isShown(client, action), notes))]);
  const all = [['', ...ACTIONS], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1), '', ...notes.map((note, index) => `${index + 1}. ${note}`)].join('\n');
}

function cellText(cell: Cell, isShown: boolean, notes: string[]): string {
  const note = 'works' in cell ? cell.works : cell.none;
  if (note !== null && !notes.includes(note)) {
    notes.push(note);
  }
  const mark = note === null ? '' : ` (${notes.indexOf(note) + 1})`;
  if ('none' in cell) {
    return `n/a${mark}`;
  }
  return `${isShown ? 'yes' : 'FAILED'}${mark}`;
}
