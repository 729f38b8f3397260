import { coreMetadata, type PackageFile, type PypiUploadOptions, sdistFile, wheelFile } from '@oci-package-proxy/testing';

import { sdistWith, type TarMember, wheelWithLink } from './hostile-archives.ts';
import { withBytes } from './raw-upload.ts';

/** What is sent: a form as the clients make it, with something wrong in it. */
export type Sent = Omit<PypiUploadOptions, 'file' | 'client'> & { readonly file: PackageFile };

/** An upload that is to be refused. */
export interface BadUpload {
  readonly what: string;
  readonly status: number;
  /** What people are told, in the body and within the first 200 characters, which is what the status line holds. */
  readonly says: RegExp;
  /** @param name that of a project of which nothing is there. */
  make(name: string): Sent;
}

const MIB = 2 ** 20;
const ZEROS = '0'.repeat(64);
/** More than 64 MiB that pack into next to nothing. */
const BOMB = Buffer.alloc(65 * MIB);

const wheel = (name: string, version = '1.0'): PackageFile => wheelFile({ name, version });
const sdist = (name: string): PackageFile => sdistFile({ name, version: '1.0' });

/** A wheel whose form says something else. */
function said(what: string, fields: PypiUploadOptions['fields'], says: RegExp, status = 400): BadUpload {
  return { what, status, says, make: (name) => ({ file: wheel(name), fields }) };
}

function named(what: string, filename: (name: string) => string, says: RegExp): BadUpload {
  return { what, status: 400, says, make: (name) => ({ file: wheel(name), filename: filename(name) }) };
}

function wheelOf(what: string, file: (name: string) => PackageFile, says: RegExp, status = 400): BadUpload {
  return { what, status, says, make: (name) => ({ file: file(name), fields: { name, version: '1.0' } }) };
}

function tarOf(what: string, member: TarMember, says: RegExp): BadUpload {
  return { what, status: 400, says, make: (name) => ({ file: sdistWith(name, [member]) }) };
}

function metadata(what: string, text: (name: string) => Buffer | null, says: RegExp): BadUpload {
  return wheelOf(what, (name) => wheelFile({ name, version: '1.0', metadata: text(name) }), says, 422);
}

const NOT_AN_ARCHIVE = /^The file is not an archive that can be taken: /;
const OUTSIDE = /would be unpacked outside of its directory/;
const LINK_OUT = /its link .* leads out of it/;
const NO_FILENAME = /cannot be the name of a file: it must have at most 255 bytes/;
const NO_KIND = /is of no kind that can be uploaded: wheels end in \.whl, and source distributions in \.tar\.gz or \.zip/;

const FORMS: readonly BadUpload[] = [
  said('the action submit', { ':action': 'submit' }, /^The action submit is no longer there/),
  said('the action submit_pkg_info', { ':action': 'submit_pkg_info' }, /^The action submit_pkg_info is no longer there/),
  said('the action doc_upload', { ':action': 'doc_upload' }, /^The action doc_upload is no longer there/),
  said('another action', { ':action': 'remove_pkg' }, /must be file_upload, and is "remove_pkg"/),
  said('no action', { ':action': null }, /the field :action must be file_upload/),
  said('another protocol version', { protocol_version: '2' }, /protocol version "2" is not known here/),
  said('no name', { name: null }, /the field name is missing/),
  said('no version', { version: null }, /the field version is missing/),
  said('a name that none can have', { name: '../../etc' }, /"\.\.\/\.\.\/etc" is not the name of a project/),
  said('a name of letters that none can have', { name: 'acmé' }, /is not the name of a project/),
  said('a version that is none', { version: 'latest' }, /^"latest" is not a version as PEP 440 has it/),
  said('a version with a path', { version: '1.0/../2' }, /is not a version as PEP 440 has it/),
  said('two names', { name: ['acme-one', 'acme-two'] }, /the field name twice, "acme-one" and "acme-two"/),
  said('another sha256', { sha256_digest: ZEROS }, /^The sha256_digest of the upload is 0+, and the file that arrived/, 422),
  said('another md5', { md5_digest: ZEROS.slice(32) }, /^The md5_digest of the upload is 0+, and the file that arrived has [0-9a-f]{32}/, 422),
  said('another md5 in base64', { md5_digest: 'A'.repeat(22) }, /^The md5_digest of the upload is A+, and the file that arrived has/, 422),
  said('another blake2', { blake2_256_digest: ZEROS }, /^The blake2_256_digest of the upload is 0+, and the file/, 422),
  said('a digest that is none', { sha256_digest: 'none' }, /^The sha256_digest of the upload is none, and the file/, 422),
  said('the type of an egg', { filetype: 'bdist_egg' }, /^Files of the type bdist_egg are no longer taken/),
  said('the type of a source distribution', { filetype: 'sdist' }, /of the type bdist_wheel, and is uploaded as sdist/),
  said('attestations that are no JSON', { attestations: '[{' }, /^The attestations of the upload cannot be taken: they are not a JSON array/, 422),
  said('attestations of nothing', { attestations: '[{"version":1}]' }, /number 1 is no attestation of version 1/, 422),
  said('a description of 17 MiB', { description: 'x'.repeat(17 * MIB) }, /^The field description of the upload has more than the 16777216 bytes/, 413),
  said('11 000 parts', { classifiers: Array.from({ length: 11_000 }, () => 'a') }, /^The upload has more than the 10000 parts/, 413),
];

const FILENAMES: readonly BadUpload[] = [
  named('a file name with a path', (name) => `../${wheel(name).filename}`, NO_FILENAME),
  named('a file name with a folder', (name) => `files/${wheel(name).filename}`, NO_FILENAME),
  named('a file name with a path of Windows', (name) => `C:\\${wheel(name).filename}`, NO_FILENAME),
  named('a file name with a control character', (name) => wheel(name).filename.replace('-', '\u0007-'), NO_FILENAME),
  named('a file name with a NUL', (name) => `${wheel(name).filename}\0.whl`, NO_FILENAME),
  named('a file name of 300 bytes', (name) => wheel(name).filename.replace('any', 'a'.repeat(300)), NO_FILENAME),
  named('an empty file name', () => '', NO_FILENAME),
  named('an egg', (name) => `${name}-1.0-py3.13.egg`, NO_KIND),
  named('an installer', (name) => `${name}-1.0.win32.exe`, NO_KIND),
  named('a tarball by bzip2', (name) => `${name}-1.0.tar.bz2`, NO_KIND),
  named('a signature', (name) => `${wheel(name).filename}.asc`, NO_KIND),
  named('no name of a wheel', (name) => `${name.replaceAll('-', '_')}.whl`, /is not named as a wheel is: <name>-<version>/),
  named('a file name of another project', () => 'other-1.0-py3-none-any.whl', /is named as a file of other, and is uploaded to/),
  named('a file name of another version', (name) => wheel(name, '1.1').filename, /is named as a file of version 1\.1, and is uploaded as 1\.0/),
];

const WHEELS: readonly BadUpload[] = [
  metadata('a wheel without METADATA', () => null, /^The wheel has no METADATA in/),
  metadata('METADATA that nobody can read', () => Buffer.from([0xff, 0xfe, 0, 1, 2, 3]), /^METADATA of .* is of \(none\), and/),
  metadata('METADATA of another project', () => coreMetadata({ name: 'other', version: '1.0' }), /^METADATA of .* is of "other", and/),
  metadata('METADATA of another version', (name) => coreMetadata({ name, version: '2.0' }), /^METADATA of .* is of the version "2\.0", and 1\.0/),
  wheelOf('a wheel of two projects', (name) => wheelFile({ name, version: '1.0', files: { 'other-1.0.dist-info/METADATA': 'Name: other\n' } }), /^The wheel must have one \.dist-info directory/, 422),
  wheelOf('a wheel that is no zip', (name) => withBytes(wheel(name), Buffer.from('not a zip at all, whatever its name says')), NOT_AN_ARCHIVE),
  wheelOf('a wheel that is a tarball', (name) => withBytes(wheel(name), sdist(name).bytes), NOT_AN_ARCHIVE),
  wheelOf('an empty wheel', (name) => withBytes(wheel(name), Buffer.alloc(0)), NOT_AN_ARCHIVE),
  wheelOf('a wheel without its end', (name) => withBytes(wheel(name), wheel(name).bytes.subarray(0, -30)), NOT_AN_ARCHIVE),
  wheelOf('a wheel without its beginning', (name) => withBytes(wheel(name), wheel(name).bytes.subarray(100)), NOT_AN_ARCHIVE),
  wheelOf('a wheel that climbs out', (name) => wheelFile({ name, version: '1.0', files: { '../../outside.py': 'x' } }), NOT_AN_ARCHIVE),
  wheelOf('a wheel with an absolute path', (name) => wheelFile({ name, version: '1.0', files: { '/etc/outside': 'x' } }), NOT_AN_ARCHIVE),
  wheelOf('a wheel with a path of Windows', (name) => wheelFile({ name, version: '1.0', files: { '..\\outside.py': 'x' } }), NOT_AN_ARCHIVE),
  wheelOf('a wheel with a link out', (name) => wheelWithLink(name, '../../outside'), LINK_OUT),
  wheelOf('a wheel with an absolute link', (name) => wheelWithLink(name, '/etc/passwd'), LINK_OUT),
];

const SDISTS: readonly BadUpload[] = [
  wheelOf('a tarball that is none', (name) => withBytes(sdist(name), Buffer.from('not a tarball at all')), NOT_AN_ARCHIVE),
  wheelOf('a tarball that is a zip', (name) => withBytes(sdist(name), wheel(name).bytes), /is no gzipped tar, as its name says/),
  wheelOf('a zip that is a tarball', (name) => withBytes(sdist(name), sdist(name).bytes, sdist(name).filename.replace('.tar.gz', '.zip')), /is no zip, as its name says/),
  wheelOf('a tarball without its end', (name) => withBytes(sdist(name), sdist(name).bytes.subarray(0, -20)), NOT_AN_ARCHIVE),
  wheelOf('PKG-INFO of another project', (name) => sdistWith(name, [], coreMetadata({ name: 'other', version: '1.0' })), /^PKG-INFO of .* is of "other", and/, 422),
  tarOf('a tarball that climbs out', { path: '../outside.py', content: 'x' }, OUTSIDE),
  tarOf('a tarball with an absolute path', { path: '/etc/outside', content: 'x' }, OUTSIDE),
  tarOf('a tarball with a link out', { path: 'acme/link', type: '2', target: '../../outside' }, LINK_OUT),
  tarOf('a tarball with an absolute link', { path: 'acme/link', type: '2', target: '/etc/passwd' }, LINK_OUT),
  tarOf('a tarball with a hard link out', { path: 'acme/link', type: '1', target: '../outside' }, LINK_OUT),
  tarOf('a tarball with a device', { path: 'acme/device', type: '3' }, /is neither a file nor a directory/),
];

/** Uploads that are refused whoever sends them, and in whatever order their parts are. */
export const BAD_UPLOADS: readonly BadUpload[] = [...FORMS, ...FILENAMES, ...WHEELS, ...SDISTS];

/** The same, of files that take a while to make. */
export const BAD_LARGE_UPLOADS: readonly BadUpload[] = [
  wheelOf('a wheel that is a bomb', (name) => wheelFile({ name, version: '1.0', files: { 'bomb.bin': BOMB } }), /it unpacks to more than 50 times/),
  wheelOf('a tarball that is a bomb', (name) => sdistFile({ name, version: '1.0', files: { 'bomb.bin': BOMB } }), /it unpacks to more than 50 times/),
  wheelOf('a file over the limit', (name) => wheelFile({ name, version: '1.0', padding: MIB, method: 'stored' }), /^The file is larger than the 1048576 bytes that are allowed here/, 413),
];
