import { Readable } from 'node:stream';

import { BOUNDARY, FORM_TYPE } from './sample-upload.contract.ts';
import { readUploadBody } from './upload-body.ts';

// A process of its own, so that nothing else is measured.
const SIZE = 300 * 2 ** 20;
const FILENAME = 'demo-1.0-py3-none-any.whl';
const [, , directory = ''] = process.argv;

function* form(size: number): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (const [name, value] of Object.entries({ name: 'demo', blake2_256_digest: '0', md5_digest: '0' })) {
    yield Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  }
  yield Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="${FILENAME}"\r\n\r\n`);
  for (let sent = 0; sent < size; sent += piece.length) {
    // A copy each, as a socket makes.
    yield Buffer.from(piece);
  }
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
}

async function received(size: number): Promise<number> {
  const body = Readable.from(form(size), { objectMode: false });
  const read = await readUploadBody(body, { contentType: FORM_TYPE, directory, limits: { publishBytes: SIZE }, onName: () => undefined });
  await read.dispose();
  return read.content?.file.size ?? 0;
}

// What is loaded, and the heap's first growth, are not the file's.
await received(64 * 2 ** 20);
const before = process.memoryUsage().rss;
let most = before;
const timer = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 10);
const size = await received(SIZE);
clearInterval(timer);
process.send?.({ size, grown: most - before }, () => process.exit(0));
