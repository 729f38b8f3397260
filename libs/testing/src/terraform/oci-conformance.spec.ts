import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RunningRegistry, startDockerRegistry } from '../docker-registry.ts';
import { zipFile } from '../pypi/zip-file.ts';
import { moduleArchive } from './module-archive.ts';
import { checkModuleLayout, checkProviderLayout } from './oci-conformance.ts';
import { type Body, type BrokenLayout, descriptorOf, digestOf, moduleLayout, providerLayout, targetBody } from './oci-layout.contract.ts';
import { pushBlob, pushManifest } from './oci-push.ts';
import { httpOciSource } from './oci-source.ts';
import { parseVersionTag } from './oci-version-tag.ts';
import { CONFORMANCE_RULES, type ConformanceRule, LAYOUT_TYPES } from './oci-violation.ts';

const MODULE = moduleArchive({ files: { 'main.tf': '', 'modules/sub/main.tf': '' } }).bytes;

/** The index under `1.0.0`, its first descriptor, and the manifest that this one names. */
function parts(layout: BrokenLayout): { index: Body; first: Body; child: Body } {
  const index = layout.tags.get('1.0.0') ?? {};
  return { index, first: (index['manifests'] as Body[])[0] ?? {}, child: layout.children.get('linux_amd64') ?? {} };
}

/** Changes the first platform's manifest, and what the index says of it. */
function changeChild(layout: BrokenLayout, change: (child: Body) => void): void {
  const { first, child } = parts(layout);
  change(child);
  Object.assign(first, descriptorOf(child));
}

function archiveLayer(body: Body): Body {
  return (body['layers'] as Body[])[1] ?? {};
}

function withArchive(layout: BrokenLayout, bytes: Buffer): void {
  layout.blobs.set(digestOf(bytes), bytes);
  changeChild(layout, (child) => Object.assign(child, targetBody(bytes)));
}

const BROKEN_PROVIDERS: readonly (readonly [ConformanceRule, string, (layout: BrokenLayout) => void])[] = [
  ['repository-name', 'a name with upper case', (layout) => (layout.repository = 'terraform/Acme')],
  ['repository-name', 'a name with an escape that is no separator', (layout) => (layout.repository = 'terraform/_a')],
  ['ping', 'a registry that wants a token for everything', (layout) => (layout.status = 401)],
  ['tag-grammar', 'a tag that begins with a dot', (layout) => layout.tags.set('.x', {})],
  ['tag-padding', 'a floating tag', (layout) => layout.tags.set('1.0', layout.tags.get('1.0.0') ?? {})],
  ['tag-padding', 'a date', (layout) => layout.tags.set('20240101', layout.tags.get('1.0.0') ?? {})],
  ['tag-padding', 'a zero in front', (layout) => layout.tags.set('01.0.0', layout.tags.get('1.0.0') ?? {})],
  ['tag-number', 'a number that is too large', (layout) => layout.tags.set('18446744073709551616.0.0', layout.tags.get('1.0.0') ?? {})],
  ['missing', 'no repository', (layout) => layout.tags.clear()],
  ['missing', 'no manifest of a platform', (layout) => layout.children.delete('linux_amd64')],
  ['missing', 'no archive', (layout) => layout.blobs.clear()],
  ['head-media-type', 'HEAD without a type', (layout) => (layout.changeHead = (head) => ({ ...head, mediaType: null }))],
  ['head-size', 'HEAD without a length', (layout) => (layout.changeHead = (head) => ({ ...head, size: null }))],
  ['head-size', 'HEAD with another length', (layout) => (layout.changeHead = (head) => ({ ...head, size: 7 }))],
  ['head-digest', 'HEAD without a digest', (layout) => (layout.changeHead = (head) => ({ ...head, digest: null }))],
  ['head-digest', 'other bytes than HEAD has said', (layout) => (layout.changeGet = (read) => ({ ...read, bytes: Buffer.concat([read.bytes, Buffer.from(' ')]) }))],
  ['get-media-type', 'GET with another type', (layout) => (layout.changeGet = (read) => ({ ...read, mediaType: 'application/json' }))],
  ['manifest-json', 'what is no JSON', (layout) => (layout.changeGet = (read) => ({ ...read, bytes: Buffer.from('<html>') }))],
  ['manifest-limit', 'an index of more than 4 MiB', (layout) => Object.assign(parts(layout).index, { annotations: { x: 'x'.repeat(4 * 2 ** 20) } })],
  ['index-kind', 'a version that is a manifest', (layout) => layout.tags.set('2.0.0', parts(layout).child)],
  ['index-media-type', 'an index whose body has no media type', (layout) => delete parts(layout).index['mediaType']],
  ['index-artifact-type', 'an index without an artifact type', (layout) => delete parts(layout).index['artifactType']],
  ['target-none', 'an index of nothing', (layout) => Object.assign(parts(layout).index, { manifests: [] })],
  ['target-none', 'an index of other artifacts', (layout) => (parts(layout).index['manifests'] as Body[]).forEach((one) => delete one['artifactType'])],
  ['target-kind', 'a platform that is an index', (layout) => Object.assign(parts(layout).first, { mediaType: LAYOUT_TYPES.index })],
  ['target-platform', 'a descriptor without a platform', (layout) => delete parts(layout).first['platform']],
  ['target-platform', 'a platform in other words', (layout) => Object.assign(parts(layout).first, { platform: { os: 'Linux', architecture: 'x86-64' } })],
  ['target-os-version', 'a platform with a version', (layout) => Object.assign(parts(layout).first, { platform: { os: 'linux', architecture: 'amd64', 'os.version': '6' } })],
  ['target-unique', 'a platform twice', (layout) => (parts(layout).index['manifests'] as Body[]).push(parts(layout).first)],
  ['descriptor-digest', 'a descriptor of another size', (layout) => Object.assign(parts(layout).first, { size: 7 })],
  ['descriptor-digest', 'a digest of another kind', (layout) => Object.assign(parts(layout).first, { digest: 'sha512:00' })],
  ['manifest-media-type', 'a manifest whose body has another media type', (layout) => {
    changeChild(layout, (child) => (child['mediaType'] = LAYOUT_TYPES.index));
    Object.assign(parts(layout).first, { mediaType: LAYOUT_TYPES.manifest });
  }],
  ['manifest-artifact-type', 'a manifest without an artifact type', (layout) => changeChild(layout, (child) => delete child['artifactType'])],
  ['manifest-config', 'a manifest without a config', (layout) => changeChild(layout, (child) => delete child['config'])],
  ['layer-count', 'no archive', (layout) => changeChild(layout, (child) => (child['layers'] = []))],
  ['layer-count', 'two archives', (layout) => changeChild(layout, (child) => (child['layers'] as Body[]).push(archiveLayer(child)))],
  ['layer-platform', 'a layer of another platform', (layout) => changeChild(layout, (child) => Object.assign(archiveLayer(child), { platform: { os: 'plan9', architecture: 'amd64' } }))],
  ['layer-bytes', 'a layer of another size', (layout) => changeChild(layout, (child) => Object.assign(archiveLayer(child), { size: 7 }))],
  ['archive-format', 'an archive that is none', (layout) => withArchive(layout, Buffer.from('#!/bin/sh'))],
  ['archive-program', 'a program in a directory', (layout) => withArchive(layout, zipFile([{ path: 'bin/terraform-provider-demo_v1.0.0', content: Buffer.from('x') }]))],
];

const BROKEN_MODULES: readonly (readonly [ConformanceRule, string, () => BrokenLayout])[] = [
  ['module-kind', 'an index', () => providerLayout()],
  ['manifest-artifact-type', 'the artifact type of a provider', () => {
    const layout = moduleLayout(MODULE);
    layout.tags.set('1.0.0', targetBody(MODULE));
    return layout;
  }],
  ['archive-path', 'a path that leads out', () => moduleLayout(moduleArchive({ files: { 'main.tf': '', '../other.tf': '' } }).bytes)],
  ['archive-root', 'a directory around everything', () => moduleLayout(moduleArchive({ files: { 'main.tf': '' }, wrapper: 'net-1.0.0' }).bytes)],
  ['archive-root', 'nothing', () => moduleLayout(zipFile([]))],
];

describe('the rules of the layout', () => {
  it('finds nothing wrong with a provider and a module that are right', async () => {
    const provider = await checkProviderLayout(providerLayout().source());
    const module = await checkModuleLayout(moduleLayout(MODULE).source());

    expect(provider).toEqual({ versions: { '1.0.0': ['linux_amd64', 'darwin_arm64'] }, violations: [] });
    expect(module).toEqual({ versions: { '1.0.0': [] }, violations: [] });
  });

  it.each(BROKEN_PROVIDERS)('%s: %s', async (rule, _what, break_) => {
    const layout = providerLayout();
    break_(layout);

    const { violations } = await checkProviderLayout(layout.source());

    expect(violations.map((violation) => violation.rule)).toContain(rule);
  });

  it.each(BROKEN_MODULES)('%s: %s as a module', async (rule, _what, make) => {
    const { violations } = await checkModuleLayout(make().source());

    expect(violations.map((violation) => violation.rule)).toContain(rule);
  });

  it('has shown of every rule that it can fail', () => {
    const shown = new Set([...BROKEN_PROVIDERS, ...BROKEN_MODULES].map(([rule]) => rule));

    expect([...shown].sort()).toEqual(Object.keys(CONFORMANCE_RULES).sort());
  });
});

it.each([
  ['1.0.0', '1.0.0'],
  ['1.0.0-rc.1_build.5', '1.0.0-rc.1_build.5'],
  ['1', '1.0.0'],
  ['2.10', '2.10.0'],
  ['20240101', '20240101.0.0'],
  ['1.02.0', '1.2.0'],
  ['1.0.0-', null],
  ['v1.0.0', null],
  ['latest', null],
  ['linux_amd64', null],
  ['sha256-0000', null],
  ['1.0.0.0', null],
  ['1.0.0_a_b', null],
  ['_p.linux_amd64.1.0.0', null],
])('OpenTofu reads the tag %s as %s', (tag, canonical) => {
  expect(parseVersionTag(tag)?.canonical ?? null).toBe(canonical);
});

describe('on a real registry', () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
  });
  afterAll(() => registry.stop());

  async function put(repository: string, layout: BrokenLayout): Promise<void> {
    const target = { url: registry.url, repository };
    for (const bytes of [...layout.blobs.values(), Buffer.from('{}'), Buffer.from('other')]) {
      await pushBlob(target, bytes, 'application/octet-stream');
    }
    layout.tags.delete('latest');
    for (const body of layout.children.values()) {
      await pushManifest(target, body as Body & { mediaType: string });
    }
    for (const [tag, body] of layout.tags) {
      await pushManifest(target, body as Body & { mediaType: string }, tag);
    }
  }

  it('finds nothing wrong with what is right, and what is wrong with what is not', async () => {
    const right = providerLayout();
    (parts(right).index['manifests'] as Body[]).pop(); // the foreign one, which is not there
    const wrong = moduleLayout(moduleArchive({ files: { 'main.tf': '' }, wrapper: 'x' }).bytes);
    await put('right', right);
    await put('wrong', wrong);

    const reports = await Promise.all([
      checkProviderLayout(httpOciSource({ url: registry.url, repository: 'right' })),
      checkModuleLayout(httpOciSource({ url: registry.url, repository: 'wrong' })),
      checkProviderLayout(httpOciSource({ url: registry.url, repository: 'absent' })),
    ]);

    expect(reports[0]).toEqual({ versions: { '1.0.0': ['linux_amd64', 'darwin_arm64'] }, violations: [] });
    expect(reports[1].violations.map(({ rule }) => rule)).toEqual(['archive-root']);
    expect(reports[2].violations.map(({ rule }) => rule)).toEqual(['missing']);
  });
});
