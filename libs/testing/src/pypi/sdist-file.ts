import { gzipSync } from 'node:zlib';

import { tarHeader } from '../npm-publish.ts';
import { coreMetadata, escapedName, type MetadataOptions, noise, type PackageFile, sha256Hex } from './wheel-file.ts';

/** What is in a source distribution that a test makes. */
export interface SdistOptions extends MetadataOptions {
  /** Further files by path below the project's directory. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Bytes of noise that make the file bigger; the same at every call. */
  readonly padding?: number;
}

/**
 * A valid source distribution (PyPA source distribution format). Its build backend is in the tree and needs nothing but Python, so
 * that clients build and install it without any index.
 */
export function sdistFile(options: SdistOptions): PackageFile {
  const module = escapedName(options.name);
  const root = `${module}-${options.version}`;
  const metadata = coreMetadata({ ...options, metadataVersion: options.metadataVersion ?? '2.2' });
  const files: readonly (readonly [string, string | Buffer])[] = [
    ['PKG-INFO', metadata],
    ['pyproject.toml', pyproject(options)],
    ['backend.py', BACKEND],
    [`${module}.py`, `VERSION = '${options.version}'\n`],
    ...Object.entries(options.files ?? {}),
    ...(options.padding === undefined ? [] : [['noise.bin', noise(options.padding, options.name)] as const]),
  ];
  const entries = files.map(([path, content]) => tarEntry(`${root}/${path}`, Buffer.from(content)));
  const bytes = gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]), { level: 9 });
  return { filename: `${root}.tar.gz`, bytes, sha256: sha256Hex(bytes), metadata };
}

/** The text of the `pyproject.toml` of a project that builds with {@link BACKEND}. */
export function pyproject(options: MetadataOptions): string {
  return [
    '[build-system]',
    'requires = []',
    'build-backend = "backend"',
    'backend-path = ["."]',
    '',
    '[project]',
    `name = ${JSON.stringify(options.name)}`,
    `version = ${JSON.stringify(options.version)}`,
    ...(options.requiresPython === undefined ? [] : [`requires-python = ${JSON.stringify(options.requiresPython)}`]),
    `dependencies = ${JSON.stringify(options.requires ?? [])}`,
    '',
  ].join('\n');
}

function tarEntry(path: string, content: Buffer): Buffer {
  return Buffer.concat([tarHeader(path, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A build backend (PEP 517) of one file, which packs the module beside it. */
export const BACKEND = `import base64, hashlib, os, zipfile


def _metadata():
    with open('PKG-INFO', 'rb') as file:
        return file.read()


def _field(name):
    for line in _metadata().decode().splitlines():
        if line.startswith(name + ': '):
            return line[len(name) + 2:].strip()


def _stem():
    import re
    return re.sub(r'[-_.]+', '_', _field('Name')).lower(), _field('Version')


WHEEL = b'Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = '%s-%s.dist-info' % _stem()
    os.makedirs(os.path.join(metadata_directory, name), exist_ok=True)
    with open(os.path.join(metadata_directory, name, 'METADATA'), 'wb') as file:
        file.write(_metadata())
    with open(os.path.join(metadata_directory, name, 'WHEEL'), 'wb') as file:
        file.write(WHEEL)
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    stem = '%s-%s' % _stem()
    module = _stem()[0] + '.py'
    with open(module, 'rb') as file:
        files = {module: file.read(), stem + '.dist-info/METADATA': _metadata(), stem + '.dist-info/WHEEL': WHEEL}
    record = ''
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')
        record += '%s,sha256=%s,%d\\n' % (path, digest, len(content))
    files[stem + '.dist-info/RECORD'] = (record + stem + '.dist-info/RECORD,,\\n').encode()
    name = stem + '-py3-none-any.whl'
    with zipfile.ZipFile(os.path.join(wheel_directory, name), 'w') as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return name
`;
