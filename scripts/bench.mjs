// Measures what the README claims, on loopback, and prints Markdown. `npm run bench`, or with one of the parts below as argument.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';

import { eventually, freePort, npmClient, runCommand, startApp, startDockerRegistry, startRedis, tarHeader, temporaryDirectory } from '@oci-package-proxy/testing';

const MIB = 1024 * 1024;
const TOKEN = 'bench-admin-token-0123456789abcdef';
const directory = await temporaryDirectory('bench');
const stops = [() => rm(directory, { recursive: true, force: true })];
const rows = [];

try {
  const parts = { standalone: measureStandalone, cluster: measureCluster, install: measureInstall };
  const wanted = process.argv.slice(2);
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) {
      await measure();
    }
  }
} finally {
  for (const stop of stops.reverse()) {
    await stop();
  }
}
process.stdout.write(`\n| what | measured |\n|---|---|\n${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join('\n')}\n`);

async function measureStandalone() {
  const upstream = await bigPackageUpstream(1024);
  const starts = [];
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    const proxy = await standalone(`start-${round}`, { NPM_UPSTREAM_URL: 'off' });
    starts.push(performance.now() - started);
    await proxy.app.stop();
  }
  starts.sort((a, b) => a - b);
  rows.push(['standalone: process start to first request served (median of 5, first start: makes its CA and secrets)', `${starts[2].toFixed(0)} ms`]);

  const proxy = await standalone('stream', { NPM_UPSTREAM_URL: upstream.url });
  stops.push(() => proxy.app.stop());
  await sleep(2000);
  const idle = await proxy.app.residentBytes();
  rows.push(['standalone: idle RSS', mib(idle)]);
  const peak = watchPeak(proxy.app);
  const started = performance.now();
  const first = await drain(`${proxy.registry}big/-/big-1.0.0.tgz`);
  rows.push(['standalone: 1 GiB upstream → client', `${((performance.now() - started) / 1000).toFixed(1)} s, first byte after ${first.toFixed(0)} ms`]);
  await eventually('stored', async () => (await fetch(`${proxy.metrics}/metrics`).then((r) => r.text())).match(/^ingest_outcomes_total\{.*outcome="stored".*\} 1$/m) !== null, 120_000);
  rows.push(['standalone: peak RSS while 1 GiB streams upstream → client and → storage', `${mib(peak.stop())} (idle + ${mib(peak.value - idle)})`]);
  const again = watchPeak(proxy.app);
  await drain(`${proxy.registry}big/-/big-1.0.0.tgz`);
  rows.push(['standalone: peak RSS while 1 GiB streams storage → client', mib(again.stop())]);

  const publishing = watchPeak(proxy.app);
  const publishStarted = performance.now();
  const status = await publishBig(proxy.registry, 300);
  rows.push([`standalone: publish of a 300 MiB tarball (${status})`, `${((performance.now() - publishStarted) / 1000).toFixed(1)} s, peak RSS ${mib(publishing.stop())}`]);
  upstream.close();
}

async function measureCluster() {
  const upstream = await bigPackageUpstream(1024);
  const [redis, registry] = await Promise.all([startRedis(), startDockerRegistry()]);
  stops.push(() => redis.stop(), () => registry.stop());
  const [port, metrics, workerMetrics] = await Promise.all([freePort(), freePort(), freePort()]);
  const common = { QUEUE_URL: redis.url, STORAGE_URL: `${registry.url}/packages`, SECRET_KEY: 'bench-secret-key-0123456789abcdef0123456789', ADMIN_TOKEN: TOKEN, NPM_UPSTREAM_URL: upstream.url };
  const front = await startApp('npm', { ...common, PORT: String(port), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}`, DATA_DIR: join(directory, 'npm') }, `http://127.0.0.1:${port}/readyz`);
  const worker = await startApp('ingest-worker', { ...common, METRICS_PORT: String(workerMetrics), INTERNAL_URL: `http://127.0.0.1:${workerMetrics}`, DATA_DIR: join(directory, 'worker') }, `http://127.0.0.1:${workerMetrics}/readyz`);
  stops.push(() => worker.stop(), () => front.stop());
  await sleep(2000);
  rows.push(['npm front end / ingest worker: idle RSS', `${mib(await front.residentBytes())} / ${mib(await worker.residentBytes())}`]);
  const peaks = [watchPeak(front), watchPeak(worker)];
  await drain(`http://127.0.0.1:${port}/big/-/big-1.0.0.tgz`);
  await eventually('stored', async () => (await fetch(`http://127.0.0.1:${workerMetrics}/metrics`).then((r) => r.text())).match(/^ingest_outcomes_total\{.*outcome="stored".*\} 1$/m) !== null, 180_000);
  rows.push(['npm front end / ingest worker: peak RSS, 1 GiB upstream → client, → docker-registry', peaks.map((peak) => mib(peak.stop())).join(' / ')]);
  upstream.close();
}

async function measureInstall() {
  const upstream = await npmSetting('registry');
  const proxy = await standalone('install', {});
  stops.push(() => proxy.app.stop());
  const rounds = [
    ['direct', upstream],
    ['through the proxy, cold', proxy.registry],
    ['through the proxy, warm', proxy.registry],
    ['direct, again', upstream],
    ['through the proxy, warm, again', proxy.registry],
  ];
  for (const [label, registry] of rounds) {
    const client = await npmClient({ directory: join(directory, label.replaceAll(/\W+/g, '-')), registry });
    const project = await client.copyFixture('several-hundred', 'project');
    const result = await client.run(['ci', '--ignore-scripts'], { cwd: project });
    rows.push([`\`npm ci\` of 566 packages, empty npm cache, ${label}`, result.code === 0 ? `${(result.elapsedMs / 1000).toFixed(1)} s` : `failed: ${result.output.slice(-200)}`]);
    await rm(client.directory, { recursive: true, force: true });
    if (label.endsWith('cold')) {
      await eventually('everything is stored', async () => {
        const text = await fetch(`${proxy.metrics}/metrics`).then((answer) => answer.text());
        return /^ingest_jobs_pending\{.*\} 0$/m.test(text);
      }, 180_000);
    }
  }
}

/** What the machine's own npm has for `key`: the direct installs need the same. */
async function npmSetting(key) {
  return (await runCommand('npm', ['config', 'get', key], { cwd: process.cwd(), environment: { HOME: process.env.HOME } })).stdout.trim();
}

async function standalone(label, environment) {
  const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  const app = await startApp(
    'standalone',
    { PORT: String(port), METRICS_PORT: String(metrics), TLS_PORT: String(tls), DATA_DIR: join(directory, label), ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'warn', ...environment },
    `http://127.0.0.1:${port}/npm/-/ping`,
  );
  return { app, registry: `http://127.0.0.1:${port}/npm/`, metrics: `http://127.0.0.1:${metrics}` };
}

/** An upstream with one package whose tarball has `size` MiB. */
async function bigPackageUpstream(size) {
  const piece = randomBytes(MIB);
  const sha512 = createHash('sha512');
  const sha1 = createHash('sha1');
  for (let index = 0; index < size; index += 1) {
    sha512.update(piece);
    sha1.update(piece);
  }
  const server = createServer((request, response) => {
    if (request.url?.endsWith('.tgz') === true) {
      response.writeHead(200, { 'content-length': size * MIB, 'content-type': 'application/octet-stream' });
      Readable.from((function* () { for (let index = 0; index < size; index += 1) { yield piece; } })()).pipe(response);
      return;
    }
    if (!/^\/big(?:\/1\.0\.0)?$/.test(request.url ?? '')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
      return;
    }
    const version = { name: 'big', version: '1.0.0', dist: { tarball: `${url}/big/-/big-1.0.0.tgz`, integrity: `sha512-${digest}`, shasum } };
    response.writeHead(200, { 'content-type': 'application/json' });
    if (request.url !== '/big') {
      response.end(JSON.stringify(version));
      return;
    }
    response.end(JSON.stringify({ _id: 'big', name: 'big', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version }, time: { created: '2020-01-01T00:00:00.000Z', modified: '2020-01-01T00:00:00.000Z', '1.0.0': '2020-01-01T00:00:00.000Z' } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const digest = sha512.digest('base64');
  const shasum = sha1.digest('hex');
  return { url, close: () => server.close() };
}

/** Publishes one version with a tarball of `size` MiB, made and sent piece by piece. @returns the status */
async function publishBig(registry, size) {
  const noise = randomBytes(MIB);
  const sha512 = createHash('sha512');
  const sha1 = createHash('sha1');
  let length = 0;
  for await (const chunk of bigTarball(noise, size)) {
    sha512.update(chunk);
    sha1.update(chunk);
    length += chunk.length;
  }
  const dist = { integrity: `sha512-${sha512.digest('base64')}`, shasum: sha1.digest('hex'), tarball: 'http://registry.example.com/huge/-/huge-1.0.0.tgz' };
  const head = JSON.stringify({ _id: 'huge', name: 'huge', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name: 'huge', version: '1.0.0', dist } } }).slice(0, -1);
  const body = Readable.from((async function* () {
    yield Buffer.from(`${head},"_attachments":{"huge-1.0.0.tgz":{"content_type":"application/octet-stream","data":"`);
    let rest = Buffer.alloc(0);
    for await (const chunk of bigTarball(noise, size)) {
      const bytes = Buffer.concat([rest, chunk]);
      const whole = bytes.length - (bytes.length % 3);
      rest = bytes.subarray(whole);
      yield Buffer.from(bytes.subarray(0, whole).toString('base64'));
    }
    yield Buffer.from(`${rest.toString('base64')}","length":${length}}}}`);
  })());
  const answer = await fetch(`${registry}huge`, { method: 'PUT', duplex: 'half', body: Readable.toWeb(body), headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' } });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`publish: ${answer.status} ${text}`);
  }
  return answer.status;
}

/** A gzipped tar, not compressed, of a package.json and of a file of `size` MiB: the same bytes at every call with the same noise. */
function bigTarball(noise, size) {
  const tar = Readable.from((function* () {
    const manifest = Buffer.from(JSON.stringify({ name: 'huge', version: '1.0.0' }));
    yield tarHeader('package/package.json', manifest.length);
    yield Buffer.concat([manifest, Buffer.alloc(512 - manifest.length)]);
    yield tarHeader('package/noise.bin', size * MIB);
    for (let index = 0; index < size; index += 1) {
      yield noise;
    }
    yield Buffer.alloc(1024);
  })());
  return tar.pipe(createGzip({ level: 0 }));
}

async function drain(url) {
  const started = performance.now();
  const answer = await fetch(url);
  let first = 0;
  let bytes = 0;
  for await (const chunk of answer.body) {
    first ||= performance.now() - started;
    bytes += chunk.length;
  }
  if (answer.status !== 200 || bytes !== 1024 * MIB) {
    throw new Error(`${url}: ${answer.status}, ${bytes} bytes`);
  }
  return first;
}

function watchPeak(app) {
  const peak = { value: 0, stop: () => (clearInterval(timer), peak.value) };
  const timer = setInterval(async () => {
    peak.value = Math.max(peak.value, await app.residentBytes().catch(() => 0));
  }, 50);
  return peak;
}

function mib(bytes) {
  return `${Math.round(bytes / MIB)} MiB`;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
