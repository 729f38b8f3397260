import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { eventually, runCommand, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { parseManifest, isManifest } from '../model/manifest-bytes.ts';
import { LayoutRegistry } from './layout-registry.ts';

const PROGRAM = fileURLToPath(new URL('layout-writer.contract.ts', import.meta.url));
const NAME = 'pkg/a';

interface Writer {
  readonly child: ChildProcess;
  readonly said: (readonly [word: string, tag: string, digest: string])[];
}

let directory: string;
let writers: Writer[];

beforeEach(async () => {
  directory = await temporaryDirectory('layout');
  writers = [];
});

afterEach(async () => {
  for (const { child } of writers) {
    child.kill('SIGKILL');
  }
  await rm(directory, { recursive: true });
});

function startWriter(): Writer {
  const writer: Writer = {
    child: spawn(process.execPath, ['--conditions=@oci-package-proxy/source', PROGRAM, directory, NAME, String(writers.length)], { stdio: ['ignore', 'pipe', 'inherit'] }),
    said: [],
  };
  let text = '';
  writer.child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const [word = '', tag = '', digest = ''] = line.split(' ');
      writer.said.push([word, tag, digest]);
    }
  });
  writers.push(writer);
  return writer;
}

async function ended(writer: Writer): Promise<void> {
  if (writer.child.exitCode === null && writer.child.signalCode === null) {
    await new Promise((resolve) => writer.child.once('close', resolve));
  }
}

function acknowledged(): Map<string, Set<string>> {
  const digests = new Map<string, Set<string>>();
  for (const [, tag, digest] of writers.flatMap(({ said }) => said).filter(([word]) => word === 'created')) {
    digests.set(tag, (digests.get(tag) ?? new Set()).add(digest));
  }
  return digests;
}

async function indexed(): Promise<Record<string, string>> {
  const { manifests } = JSON.parse(await readFile(join(directory, NAME, 'index.json'), 'utf8')) as { manifests: { digest: string; annotations: Record<string, string> }[] };
  return Object.fromEntries(manifests.map(({ digest, annotations }) => [annotations['org.opencontainers.image.ref.name'] ?? '', digest]));
}

/** Every tag that anybody can see, after its manifest and all its blobs were read and checked. */
async function readAll(): Promise<Record<string, string>> {
  const repository = new LayoutRegistry({ directory }).repository(NAME);
  const digests: Record<string, string> = {};
  for await (const tags of repository.listTags()) {
    for (const tag of tags) {
      const manifest = (await repository.readManifest(tag)) ?? expect.fail(`${tag} has no manifest`);
      digests[tag] = manifest.digest;
      const parsed = parseManifest(manifest);
      for (const { digest, size } of isManifest(parsed) ? [parsed.config, ...parsed.layers] : []) {
        const body = (await repository.readBlob(digest)) ?? expect.fail(`${tag} lacks ${digest}`);
        expect((await buffer(body.stream)).length).toBe(size);
      }
    }
  }
  return digests;
}

async function disturb(untilMs: number): Promise<void> {
  const end = Date.now() + untilMs;
  while (Date.now() < end) {
    await pause(20 + Math.random() * 150);
    const living = writers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    const victim = living[Math.floor(Math.random() * living.length)] ?? expect.fail('no writer lives');
    if (Math.random() < 0.4 && victim.said.length > 0) {
      victim.child.kill('SIGKILL');
      startWriter();
      continue;
    }
    victim.child.kill('SIGSTOP');
    setTimeout(() => victim.child.kill('SIGCONT'), Math.random() * 700);
  }
}

it('loses and breaks nothing that was acknowledged, whenever processes are killed and stopped', async () => {
  for (let count = 0; count < 3; count += 1) {
    startWriter();
  }

  await disturb(9_000);
  for (const { child } of writers) {
    child.kill('SIGCONT');
  }
  // A writer that has only just begun to start would die of SIGTERM.
  await eventually('all that live have written', async () => Promise.resolve(writers.every(({ child, said }) => child.signalCode !== null || said.length > 0)));
  for (const { child } of writers) {
    child.kill('SIGTERM');
  }
  await Promise.all(writers.map(ended));

  const visible = await readAll();
  const told = acknowledged();
  expect(told.size).toBeGreaterThan(20);
  expect(writers.filter(({ child }) => child.signalCode === 'SIGKILL').length).toBeGreaterThan(2);
  for (const [tag, digests] of told) {
    // One answer for all who asked: a created tag was never replaced.
    expect([tag, ...digests]).toEqual([tag, visible[tag]]);
  }
  expect(writers.some(({ said }) => said.at(-1)?.[0] === 'closed')).toBe(true);
  expect(await indexed()).toEqual(visible);
  for (const tag of [...told.keys()].slice(-3)) {
    const inspected = await runCommand('skopeo', ['inspect', '--raw', `oci:${join(directory, NAME)}:${tag}`], { cwd: directory });
    expect([tag, inspected.code, inspected.stderr]).toEqual([tag, 0, '']);
  }
}, 60_000);

it('goes on while another process is stopped in the middle of a write, and mends the index that it brings late', async () => {
  const [stopped, other] = [startWriter(), startWriter()];
  await eventually('both write', async () => Promise.resolve(stopped.said.length > 3 && other.said.length > 3));

  for (let round = 0; round < 8; round += 1) {
    await pause(Math.random() * 60);
    stopped.child.kill('SIGSTOP');
    const before = other.said.length;
    await eventually('the other goes on', async () => Promise.resolve(other.said.length > before + 3), 5_000);
    stopped.child.kill('SIGCONT');
  }
  stopped.child.kill('SIGSTOP');
  other.child.kill('SIGTERM');
  await ended(other);
  stopped.child.kill('SIGCONT');
  await pause(100);
  stopped.child.kill('SIGTERM');
  await ended(stopped);

  expect(await indexed()).toEqual(await readAll());
  expect(await readdir(join(directory, NAME, 'ingest'))).toEqual([]);
}, 60_000);
