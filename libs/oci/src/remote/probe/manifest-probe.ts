import type { Descriptor } from '../../model/descriptor.ts';
import { digestOf } from '../../model/digest.ts';
import { EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE } from '../../model/manifest.ts';
import type { Ground } from './opening-probe.ts';
import { isDone, type ProbeSession, type Reply, statedDigest } from './probe-session.ts';
import { type ScratchRepository, smallIndex, smallManifest } from './scratch-repository.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Tried from the middle: upwards while they are taken, else downwards. */
const LARGER = [MIB, 2 * MIB, 4 * MIB - 1, 4 * MIB + KIB] as const;
const SMALLER = [512 * KIB, 256 * KIB, 64 * KIB] as const;

/** Annotations of ours are no longer than this. */
const ANNOTATION_BYTES = 4 * KIB;

/** A manifest with everything that ours have; where it is refused, each thing alone. */
export async function probeArtifacts(session: ProbeSession, { main, blob }: Ground): Promise<void> {
  const layer: Descriptor = { mediaType: 'application/vnd.oci-package-proxy.probe.layer.v1+json', digest: digestOf(blob), size: blob.length };
  const inline: Descriptor = { ...EMPTY_DESCRIPTOR, mediaType: 'application/vnd.oci-package-proxy.probe.inline.v1' };
  const long = { annotations: { 'io.oci-package-proxy.probe': 'x'.repeat(ANNOTATION_BYTES) } };
  const features: Readonly<Record<string, { readonly layers?: readonly Descriptor[]; readonly more?: object }>> = {
    'an unknown layer type': { layers: [layer] },
    'data in a descriptor': { layers: [inline] },
    'an annotation of 4 KiB': { more: long },
    'an empty config and an artifactType': {},
  };
  const whole = await main.put(`probe-${session.id}-artifact`, { bytes: smallManifest(`${session.id}-artifact`, layer, { layers: [inline, layer], ...long }) });
  if (isDone(whole)) {
    await readBack(session, { scratch: main, put: whole, tag: `probe-${session.id}-artifact` });
    return;
  }
  const refused: string[] = [];
  for (const [name, { layers = [EMPTY_DESCRIPTOR], more = {} }] of Object.entries(features)) {
    const { data: _data, ...plain } = EMPTY_DESCRIPTOR;
    const bytes = smallManifest(`${session.id}-${name}`, plain, { ...(layers[0] === EMPTY_DESCRIPTOR ? {} : { layers }), ...more });
    const reply = await main.put(null, { bytes });
    if (!isDone(reply)) {
      refused.push(`${name}: ${reply.said}`);
    }
  }
  session.found('artifacts', false, `a manifest of ours is answered ${whole.said}; of its parts alone are refused: ${refused.join(', ') || 'none'}`);
}

async function readBack(session: ProbeSession, { scratch, put, tag }: { readonly scratch: ScratchRepository; readonly put: Reply; readonly tag: string }): Promise<void> {
  const [head, get] = [await scratch.manifest(tag, 'HEAD'), await scratch.manifest(tag)];
  const digest = scratch.tags.get(tag);
  const same = get.status === 200 && digestOf(get.bytes) === digest;
  session.found('artifacts', same, same ? 'a manifest of ours comes back as it went' : `a manifest of ours was taken, and reading it is answered ${get.said} with ${get.status === 200 ? 'other bytes' : 'nothing'}`);
  const silent = ([['PUT', put], ['HEAD', head], ['GET', get]] as const).filter(([, reply]) => statedDigest(reply) !== digest).map(([method]) => method);
  session.found('contentDigest', silent.length === 0, silent.length === 0 ? 'PUT, HEAD and GET name it' : `${silent.join(', ')} of a manifest ${silent.length === 1 ? 'does' : 'do'} not name it`);
}

/** The index that {@link probeIndexes} made. */
export interface ProbedIndex {
  readonly tag: string;
  readonly children: readonly Descriptor[];
}

/** An index as a provider's: children of their own types, put by digest. */
export async function probeIndexes(session: ProbeSession, { main }: Ground): Promise<ProbedIndex | null> {
  const children: Descriptor[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const bytes = smallManifest(`${session.id}-${architecture}`);
    const reply = await main.put(null, { bytes });
    if (!isDone(reply)) {
      session.found('indexes', false, `a child of an index, put by its digest, is answered ${reply.said}`);
      return null;
    }
    children.push({ mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(bytes), size: bytes.length, artifactType: 'application/vnd.oci-package-proxy.probe.v1', platform: { os: 'linux', architecture } });
  }
  const tag = `probe-${session.id}-index`;
  const reply = await main.put(tag, { bytes: smallIndex(tag, children), mediaType: INDEX_MEDIA_TYPE });
  session.found('indexes', isDone(reply), `an index of ${children.length} manifests that were put by digest is answered ${reply.said}`);
  return isDone(reply) ? { tag, children } : null;
}

/** How large a manifest may be. They are put by digest: what a registry's garbage collection removes by itself. */
export async function probeManifestSizes(session: ProbeSession, { main }: Ground): Promise<void> {
  let largest = 0;
  let refusal = '';
  const taken = async (size: number): Promise<boolean> => {
    const reply = await main.put(null, { bytes: sized(session.id, size) }).catch((error: unknown) => ({ status: 500, said: error instanceof Error ? error.message : 'failed' }));
    const done = reply.status >= 200 && reply.status < 300;
    largest = done ? Math.max(largest, size) : largest;
    refusal = done ? refusal : `; one of ${size} is answered ${reply.said}`;
    return done;
  };
  for (const size of LARGER) {
    if (session.signal.aborted || !(await taken(size))) {
      break;
    }
  }
  for (const size of SMALLER) {
    if (session.signal.aborted || largest > 0 || (await taken(size))) {
      break;
    }
  }
  session.found('largestManifest', largest, `a manifest of ${largest} bytes is taken${refusal}`);
}

/** White space is the one filler that no registry has an opinion about. */
function sized(id: string, size: number): Buffer {
  const manifest = smallManifest(`${id}-${size}`);
  return Buffer.concat([manifest.subarray(0, -1), Buffer.alloc(size - manifest.length, ' '), manifest.subarray(-1)]);
}
