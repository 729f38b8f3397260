import { access, constants, mkdtemp, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { isProxyError } from '@oci-package-proxy/errors';
import { isRepositoryLister, type Registry } from '@oci-package-proxy/oci';

import { bytesText } from '../progress.ts';
import { type Complaint, judged, type Verdict } from './verdict.ts';

const GIB = 2 ** 30;
/** Below the one nothing of size can be stored, below the other it is time to think. */
const LITTLE = GIB / 4;
const SCARCE = 5 * GIB;
const SLOW_FLUSH_MS = 100;
const MAX_OWNERS = 200;

/** File systems by their magic number (statfs(2)), and what one should know of them. */
const FILE_SYSTEMS: Readonly<Record<number, readonly [name: string, effect: string, advice: string]>> = {
  0x01021994: ['tmpfs', 'Everything is gone when the machine starts again.', 'Put the directory on a disk.'],
  0x794c7630: ['overlayfs', 'It is the file system of a container: everything is gone with the container.', 'Mount a volume there.'],
  0x6969: ['NFS', 'Hard links and flushing depend on the server; several machines that write at once were not tried by us.', 'Let one machine write, or use a registry.'],
  0xff534d42: ['CIFS', 'Hard links and flushing depend on the server.', 'Use a local disk, or a registry.'],
  0xfe534d42: ['SMB', 'Hard links and flushing depend on the server.', 'Use a local disk, or a registry.'],
  0x4d44: ['FAT', 'It has no hard links: nothing can be stored.', 'Use another file system.'],
};

/** A layout directory, and how far it may be tried. */
export interface LayoutPatient {
  readonly directory: string;
  readonly registry: Registry;
  readonly readOnly: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a directory is fit to keep packages in. Makes nothing where there is nothing. */
export async function examineLayout(patient: LayoutPatient): Promise<readonly Verdict[]> {
  const { directory } = patient;
  const there = await stat(directory).catch(() => null);
  if (there === null) {
    return [await notThere(directory)];
  }
  return [
    await usable(patient),
    ...(patient.readOnly ? [] : [await flushes(directory)]),
    await space(directory),
    await fileSystem(directory),
    permissions(there.mode),
    await owners(patient, there.uid),
  ];
}

async function notThere(directory: string): Promise<Verdict> {
  const about = { id: 'directory', weight: 'must' as const, requirement: 'The directory is there', found: `${directory} is not there yet` };
  const parent = await firstAbove(directory);
  const writable = await access(parent, constants.W_OK).then(() => true, () => false);
  if (writable) {
    return { ...about, met: null, complaint: null, found: `${directory} is not there yet: the first start makes it. Check STORAGE_URL and DATA_DIR if something is stored already` };
  }
  return judged(about, { effect: 'Nothing can be stored.', advice: [`Make it, or let this user write ${parent}.`, 'Check STORAGE_URL and DATA_DIR.'] });
}

async function firstAbove(path: string): Promise<string> {
  const parent = dirname(path);
  return parent === path || (await stat(parent).catch(() => null)) !== null ? parent : firstAbove(parent);
}

async function usable({ directory, registry, readOnly, signal }: LayoutPatient): Promise<Verdict> {
  const about = { id: 'writable', weight: 'must' as const, requirement: 'Files can be made there, and given a second name' };
  if (readOnly) {
    const may = await access(directory, constants.R_OK | constants.W_OK | constants.X_OK).then(() => true, () => false);
    return judged({ ...about, requirement: 'This user may read and write there', found: directory }, may ? null : cannotWrite(directory));
  }
  try {
    await registry.check({ signal });
    return judged({ ...about, found: directory }, null);
  } catch (error) {
    if (!isProxyError(error) || error.code === 'aborted') {
      throw error;
    }
    return judged({ ...about, found: error.message }, cannotWrite(directory));
  }
}

function cannotWrite(directory: string): Complaint {
  return { effect: 'Publishing fails, and nothing that comes from upstream is kept.', advice: [`Let the user of these processes own ${directory}, on a mount that is not read-only, of a file system with hard links (not FAT).`] };
}

async function flushes(directory: string): Promise<Verdict> {
  const about = { id: 'flush', weight: 'should' as const, requirement: 'What was written survives a power cut, soon' };
  const folder = await mkdtemp(join(directory, 'ingest', 'doctor-')).catch(() => null);
  if (folder === null) {
    return { ...about, met: null, found: 'nothing can be written there', complaint: null };
  }
  try {
    const begun = performance.now();
    await written(join(folder, 'probe'));
    await flushed(folder);
    const ms = Math.round(performance.now() - begun);
    return judged({ ...about, found: `writing and flushing a small file took ${ms} ms` }, ms <= SLOW_FLUSH_MS ? null : { effect: 'Every publish waits for some of these.', advice: ['Use a faster disk; where the machine was busy just now, run this again.'] });
  } catch (error) {
    return judged({ ...about, found: `flushing failed (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})` }, { effect: 'Nothing can be stored: we never say that something is stored before it is safe.', advice: ['Use a file system that can flush files and directories.'], weight: 'must' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function written(path: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile('probe');
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function flushed(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function space(directory: string): Promise<Verdict> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(directory);
  const free = bavail * bsize;
  const found = `${bytesText(free)} of ${bytesText(blocks * bsize)} are free${files > 0 ? `, and ${ffree} more files can be made` : ''}`;
  const advice = ['Make room: npm run admin -- gc removes what no tag leads to.', 'Or move it to a larger disk: npm run admin -- copy, or a plain copy while nothing runs.'];
  const few = files > 0 && ffree < 10_000;
  const tight = free < LITTLE || few;
  const complaint = { effect: 'Large files cannot be stored any more, soon none.', advice, weight: tight ? ('must' as const) : ('should' as const) };
  return judged({ id: 'space', weight: 'should', requirement: 'There is room', found }, tight || free < SCARCE ? complaint : null);
}

async function fileSystem(directory: string): Promise<Verdict> {
  const { type } = await statfs(directory);
  const known = FILE_SYSTEMS[type];
  const about = { id: 'file-system', weight: 'should' as const, requirement: 'The file system keeps what it is given', found: known === undefined ? 'nothing is known against it' : `it is ${known[0]}` };
  return judged(about, known === undefined ? null : { effect: known[1], advice: [known[2]] });
}

function permissions(mode: number): Verdict {
  const about = { id: 'permissions', weight: 'should' as const, requirement: 'Strangers may not write there', found: `its mode is ${(mode & 0o7777).toString(8)}` };
  return judged(about, (mode & 0o002) === 0 ? null : { effect: 'Every user of this machine can replace packages behind our back.', advice: ['Take the right to write from others: chmod o-w.'] });
}

/** Only the owner of a file can set its time, which is how writers and gc get along. */
async function owners({ directory, registry, signal }: LayoutPatient, uid: number): Promise<Verdict> {
  const about = { id: 'owner', weight: 'should' as const, requirement: 'All of it belongs to the user of these processes' };
  const own = process.getuid?.() ?? uid;
  const others = new Set<number>();
  let looked = 0;
  for await (const repository of isRepositoryLister(registry) ? registry.listRepositories({ signal }) : []) {
    const { uid: owner = own } = (await stat(join(directory, repository, 'refs')).catch(() => null)) ?? {};
    others.add(owner);
    looked += 1;
    if (looked >= MAX_OWNERS) {
      break;
    }
  }
  const strange = [uid, ...others].filter((owner) => owner !== own);
  const found = strange.length === 0 ? `it belongs to user ${own}, as which this runs` : `this runs as user ${own}, and some of it belongs to user ${[...new Set(strange)].slice(0, 3).join(', ')}`;
  return judged({ ...about, found }, strange.length === 0 ? null : { effect: 'Some writes and gc may fail: only the owner of a file can set its time.', advice: [`Run all processes and these commands as one user, and give it the files: chown -R ${own} ${directory}`] });
}
