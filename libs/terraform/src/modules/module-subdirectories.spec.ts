import { startTerraformUpstream, type TerraformUpstream } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { moduleRef } from '../model/address.ts';
import { moduleDocumentOf } from '../model/terraform-fact.ts';
import { NET, type SampleModules, startSampleModules } from './sample-modules.contract.ts';

const MONO = {
  'net/main.tf': 'module "shared" {\n  source = "../shared"\n}\nlocals {\n  text = file("${path.module}/../texts/hello.txt")\n}\n',
  'net/README.md': '# Net\n',
  'net/modules/a/main.tf': 'module "b" {\n  source = "../b"\n}\n',
  'net/modules/b/main.tf': '',
  'shared/main.tf': '',
  'texts/hello.txt': 'hello',
};

let upstream: TerraformUpstream;
let sample: SampleModules;

beforeEach(async () => {
  upstream = await startTerraformUpstream();
  upstream.putCommit('acme/mono', 'v1', MONO);
  sample = await startSampleModules({ upstream });
});
afterEach(async () => {
  await sample.close();
  await upstream.close();
});

function putAt(subdirectory: string): void {
  upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { repository: 'acme/mono', ref: 'v1', subdirectory } }] });
}

it('come with all of their repository, as what they need may be beside them, and say where they are', async () => {
  putAt('net');

  const missed = await sample.modules.archive(NET, '1.0.0');
  const bytes = await sample.bytes(NET);
  const outcomes = await sample.ingest();
  const held = await sample.modules.archive(NET, '1.0.0');
  const fact = await sample.ledger.fact(moduleRef(NET), '1.0.0');

  expect([missed?.subdirectory, held?.subdirectory, outcomes]).toEqual(['net', 'net', ['stored']]);
  expect(Object.keys(MONO).filter((name) => bytes?.includes(name) !== true)).toEqual([]);
  expect(await sample.bytes(NET)).toEqual(bytes);
  expect(fact === null ? null : moduleDocumentOf(fact)).toMatchObject({ subdirectory: 'net', root: { path: '', readme: '# Net\n', dependencies: [{ source: '../shared' }] }, submodules: [{ path: 'modules/a' }, { path: 'modules/b' }] });
});

it.each([['that is not there', 'nowhere', 'integrity'], ['without a module', 'texts', 'integrity'], ['that no address can name', 'my%20net', 'unsupported']])('are refused in a directory %s', async (_what, subdirectory, code) => {
  putAt(subdirectory);

  await expect(sample.bytes(NET)).rejects.toMatchObject({ code });

  expect([sample.jobs, await sample.temporary()]).toEqual([[], []]);
});
