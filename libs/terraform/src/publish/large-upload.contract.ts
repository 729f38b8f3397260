import { Readable } from 'node:stream';

import { readUploadBody } from './upload-body.ts';

// A process of its own, so that nothing else is measured.
const SIZE = 300 * 2 ** 20;
const BOUNDARY = 'large-upload';
const [, , directory = ''] = process.argv;

function* form(size: number): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  yield Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="terraform-provider-demo_1.0.0_linux_amd64.zip"\r\n\r\n`);
  for (let sent = 0; sent < size; sent += piece.length) {
    // A copy each, as a socket makes.
    yield Buffer.from(piece);
  }
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
}

async function received(size: number): Promise<number> {
  const stream = Readable.from(form(size), { objectMode: false });
  const sent = await readUploadBody({ contentType: `multipart/form-data; boundary=${BOUNDARY}`, stream }, { directory, limits: { publishBytes: SIZE }, original: false });
  await sent.dispose();
  return sent.files[0]?.file.size ?? 0;
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
