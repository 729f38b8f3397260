// Every script runs on the Node that the repository pins, never silently on another one.
import { readFileSync } from 'node:fs';

const wanted = readFileSync(new URL('../.node-version', import.meta.url), 'utf8').trim();
const [major] = wanted.split('.');

if (process.versions.node.split('.')[0] !== major) {
  process.stderr.write(
    `This needs Node ${major} (pinned: ${wanted}) and runs on ${process.versions.node}.\n` +
      'On Linux x64 and arm64, `npm ci` brings it along: do not pass --omit=optional. Elsewhere, put Node ' + major + ' on the PATH.\n',
  );
  process.exit(1);
}
