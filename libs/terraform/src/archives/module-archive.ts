import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';

import type { ModulePart } from '../model/terraform-fact.ts';
import { type ArchiveFault, archiveFailure, archiveFault, shown } from './archive-failure.ts';
import { directoryHash } from './directory-hash.ts';
import { isConfiguration } from './display/configuration-name.ts';
import { moduleParts } from './display/module-parts.ts';
import { archiveKind } from './module/archive-kind.ts';
import type { ModuleFile } from './module/module-file.ts';
import { ModuleFiles } from './module/module-files.ts';
import { memberPath, type ModuleLimits, type ModuleMember, moduleTooLarge } from './module/module-member.ts';
import { ModuleSpool } from './module/module-spool.ts';
import { ModuleTree } from './module/module-tree.ts';
import { writeModuleZip } from './module/module-zip.ts';
import { visitTar } from './module/tar-members.ts';
import { visitZip } from './module/zip-members.ts';

const SUBJECT = "The module's archive";
const MAX_STATES = 5;

/** How a module's archive is made the one that is stored. */
export interface NormalizeModule {
  /** Where the new archive goes; beside it a temporary file of the unpacked size. Nothing is left there when it fails. */
  readonly target: string;
  readonly limits: ModuleLimits;
  /** Strips the one directory that git servers wrap archives in, and forgives links that lead to nothing. */
  readonly wrapped: boolean;
  /** The directory of the archive that is the module; null: all of it. The rest is kept too: a module may read what is beside it. */
  readonly subdirectory: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** A module's archive as it is stored, and what is shown of it. */
export interface NormalizedModule {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Over names and contents: the same for the same module, whatever packed it. */
  readonly h1: string;
  /** The same for the same module, and another one where other files may be executed. */
  readonly identity: string;
  /** Where the module is in it, without slashes around; null: at its top. */
  readonly subdirectory: string | null;
  readonly root: ModulePart;
  /** Those of the directories below the module's `modules/`. */
  readonly submodules: readonly ModulePart[];
  /** What was noticed that is no error. */
  readonly warnings: readonly string[];
}

/**
 * Makes a zip of a module's archive (a zip or tar.gz, told apart by the first bytes) that is the same for the same files, in whatever
 * order, at whatever time and however they were packed. Only files are kept, and whether they may be executed.
 * @throws ProxyError `unprocessable` for what is no such archive, would unpack to outside of its directory, or holds no module: the text
 * says what to do; `too-large`; `aborted`; `storage-unavailable`.
 */
export async function normalizeModule(path: string, how: NormalizeModule): Promise<NormalizedModule> {
  const fault = archiveFault(SUBJECT);
  try {
    const spool = await ModuleSpool.create(`${how.target}.spool`);
    try {
      const subdirectory = subdirectoryOf(how, fault);
      // What is beside a module is not for its publisher to mend.
      const files = new ModuleFiles({ leaveBadLinks: how.wrapped || subdirectory !== null, limits: how.limits, fault });
      const kept = files.of((await unpacked(path, spool, { how, fault })).root);
      const own = subdirectory === null ? kept : below(subdirectory, kept, fault);
      checkModule(own, fault);
      const zip = await writeModuleZip(kept, { target: how.target, open: (content) => spool.stream(content), signal: how.signal });
      const parts = await moduleParts(own, async ({ content }, limit) => spool.start(content, limit));
      const h1 = directoryHash(kept.map((file) => ({ name: Buffer.from(file.path), sha256: file.content.sha256 })));
      return { path: how.target, ...zip, h1, identity: identityOf(kept, h1), subdirectory, ...parts, warnings: [...files.warnings, ...stateWarnings(kept)] };
    } finally {
      await spool.dispose();
    }
  } catch (error) {
    await rm(how.target, { force: true }).catch(() => undefined);
    throw archiveFailure(error, fault, how.signal);
  }
}

function subdirectoryOf({ subdirectory }: NormalizeModule, fault: ArchiveFault): string | null {
  const path = subdirectory === null ? '' : memberPath(subdirectory, fault);
  return path === '' ? null : path;
}

/** The files of a directory, as they are called within. */
function below(directory: string, files: readonly ModuleFile[], fault: ArchiveFault): readonly ModuleFile[] {
  const prefix = `${directory}/`;
  const own = files.filter(({ path }) => path.startsWith(prefix)).map((file) => ({ ...file, path: file.path.slice(prefix.length) }));
  if (own.length === 0) {
    throw fault(`it has no directory ${shown(directory)}, or nothing in it`);
  }
  return own;
}

function identityOf(files: readonly ModuleFile[], h1: string): string {
  const programs = files.filter(({ executable }) => executable).map(({ path }) => path);
  return programs.length === 0 ? h1 : `${h1} x:${createHash('sha256').update(JSON.stringify(programs)).digest('hex')}`;
}

async function unpacked(path: string, spool: ModuleSpool, { how, fault }: { readonly how: NormalizeModule; readonly fault: ArchiveFault }): Promise<ModuleTree> {
  const tree = new ModuleTree(how.limits, fault);
  const visit = (await archiveKind(path, fault)) === 'zip' ? visitZip : visitTar;
  await visit(path, { subject: SUBJECT, limits: how.limits, signal: how.signal }, (member) => keep(member, { tree, spool, limits: how.limits }));
  if (how.wrapped) {
    tree.unwrap();
  }
  return tree;
}

async function keep(member: ModuleMember, { tree, spool, limits }: { readonly tree: ModuleTree; readonly spool: ModuleSpool; readonly limits: ModuleLimits }): Promise<void> {
  const { path, kind, executable, target } = member;
  if (kind === 'directory') {
    tree.addDirectory(path);
    return;
  }
  if (kind === 'link') {
    tree.add(path, { kind, target });
    return;
  }
  if (spool.size + member.size > limits.bytes) {
    throw moduleTooLarge(limits);
  }
  tree.add(path, { kind, executable, content: await spool.add((take) => member.read(take)) });
}

function checkModule(files: readonly ModuleFile[], fault: ArchiveFault): void {
  if (files.some(({ path }) => isConfiguration(path))) {
    return;
  }
  if (files.length === 0) {
    throw fault('it holds no files');
  }
  const tops = new Set(files.map(({ path }) => path.slice(0, path.indexOf('/') + 1)));
  const [top] = tops;
  if (tops.size === 1 && top !== undefined && top !== '' && files.some(({ path }) => isConfiguration(path.slice(top.length)))) {
    throw fault(`the module lies in the directory ${shown(top)} of it, and must be at the top: pack it from within, for example with tar -C ${shown(top)} -czf module.tar.gz .`);
  }
  throw fault(`it holds no module: there is no .tf, .tofu, .tf.json or .tofu.json file at its top, nor in a directory below modules/ (it holds ${shown(files[0]?.path ?? '')})`);
}

function stateWarnings(files: readonly ModuleFile[]): string[] {
  const states = files.filter(({ path }) => /(?:^|\/)[^/]+\.tfstate(?:\.[^/]*)?$/.test(path));
  return states.slice(0, MAX_STATES).map(({ path }) => `${shown(path)} is a state, which often holds secrets: see that everybody who may read this module may read it.`);
}
