import { expect, it } from 'vitest';

import { fileUrlsIn } from '../pages/file-urls.ts';
import { bareFile, OTHER_SHA256, SHA256, WHOLE_FILE } from '../pages/sample-pages.contract.ts';
import { apiFile } from './api-file.ts';

const URLS = fileUrlsIn('https://index.example.com/pypi/files/sample');

it('says everything that is known of a file, as the public index does', () => {
  expect(apiFile(WHOLE_FILE, 'sample', URLS)).toEqual({
    comment_text: '',
    'core-metadata': { sha256: OTHER_SHA256 },
    digests: WHOLE_FILE.hashes,
    downloads: -1,
    filename: 'sample-1.0-py3-none-any.whl',
    has_sig: false,
    md5_digest: WHOLE_FILE.hashes['md5'],
    packagetype: 'bdist_wheel',
    python_version: 'py3',
    requires_python: '>=3.9,<4',
    size: 1234,
    upload_time: '2026-01-02T03:04:05',
    upload_time_iso_8601: '2026-01-02T03:04:05.678901Z',
    url: 'https://index.example.com/pypi/files/sample/sample-1.0-py3-none-any.whl',
    yanked: true,
    yanked_reason: 'broken "badly" <b>',
  });
});

it('makes nothing up', () => {
  expect(apiFile(bareFile('sample-1.0.tar.gz', { hashes: { sha256: SHA256 } }), 'sample', URLS)).toMatchObject({
    'core-metadata': false,
    digests: { sha256: SHA256 },
    md5_digest: null,
    requires_python: null,
    size: null,
    upload_time: null,
    upload_time_iso_8601: null,
    yanked: false,
    yanked_reason: null,
  });
});

it('tells a yank without a reason', () => {
  expect(apiFile(bareFile('sample-1.0.tar.gz', { yanked: '' }), 'sample', URLS)).toMatchObject({ yanked: true, yanked_reason: null });
});

it.each([
  ['sample-1.0-cp312-cp312-manylinux_2_17_x86_64.whl', 'bdist_wheel', 'cp312'],
  ['sample-1.0-1-py2.py3-none-any.whl', 'bdist_wheel', 'py2.py3'],
  ['sample.whl', 'bdist_wheel', 'any'],
  ['sample-1.0.tar.gz', 'sdist', 'source'],
  ['sample-1.0.zip', 'sdist', 'source'],
  ['sample-1.0-py2.7.egg', 'bdist_egg', '2.7'],
  ['sample-1.0.win32-py2.7.exe', 'bdist_wininst', '2.7'],
  ['sample-1.0.win32.exe', 'bdist_wininst', 'any'],
  ['sample-1.0.win-amd64-py3.4.msi', 'bdist_msi', '3.4'],
  ['sample-1.0-1.noarch.rpm', 'bdist_rpm', 'any'],
  ['sample-1.0.linux-x86_64.tar.gz', 'bdist_dumb', 'any'],
])('%s is a %s for %s', (filename, packagetype, pythonVersion) => {
  expect(apiFile(bareFile(filename), 'sample', URLS)).toMatchObject({ packagetype, python_version: pythonVersion });
});
