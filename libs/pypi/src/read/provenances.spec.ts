import { startScriptedServer } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

import { startSampleProjects } from './sample-projects.contract.ts';

const FILE = 'left-pad-1.0.tar.gz';

it.each([
  ['<!DOCTYPE html><form><input name="password"></form>', false],
  ['["a list"]', false],
  ['', false],
  ['{"version":1,"attestation_bundles":[]}', true],
])('upstream answers %o where its provenance is to be', async (text, isPassedOn) => {
  const page = { meta: { 'api-version': '1.3' }, name: 'left-pad', files: [{ filename: FILE, url: `/files/${FILE}`, hashes: {}, provenance: `/provenance/${FILE}` }] };
  const server = await startScriptedServer((request, response) => void response.writeHead(200).end(request.url.startsWith('/provenance/') ? text : JSON.stringify(page)));
  const sample = await startSampleProjects({ defaultUrl: server.url });

  const answer = sample.projects.provenance(sample.index, 'left-pad', FILE);

  await (isPassedOn ? expect(answer).resolves.toMatchObject({ bytes: Buffer.from(text) }) : expect(answer).rejects.toMatchObject({ code: 'upstream-unavailable' }));
  await sample.close();
  await server.stop();
});
