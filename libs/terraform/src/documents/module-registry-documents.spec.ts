import { describe, expect, it } from 'vitest';

import type { ModulePart } from '../model/terraform-fact.ts';
import type { ModuleDetail } from '../read/read-port.ts';
import { moduleDetailDocument, moduleListDocument } from './module-registry-documents.ts';

const ROOT: ModulePart = {
  path: '',
  readme: '# Network',
  inputs: [
    { name: 'cidr', type: 'string', description: 'Range', default: null, sensitive: false },
    { name: 'tags', type: 'map(string)', description: '', default: '{}', sensitive: true },
  ],
  outputs: [{ name: 'id', description: 'Its ID', sensitive: false }],
  providers: [{ name: 'aws', source: 'hashicorp/aws', version: '>= 5.0' }],
  dependencies: [{ name: 'vpc', source: './modules/vpc', version: '' }],
  resources: [{ name: 'this', type: 'aws_vpc' }],
};
const EMPTY: ModulePart = { path: 'modules/vpc', readme: '', inputs: [], outputs: [], providers: [], dependencies: [], resources: [] };
const DETAIL: ModuleDetail = {
  address: { host: 'example.com', namespace: 'acme', name: 'network', system: 'aws' },
  version: '1.1.0',
  publishedAt: '2026-01-02T03:04:05.000Z',
  document: { version: '1.1.0', sha256: 'ab'.repeat(32), size: 1, root: ROOT, submodules: [EMPTY], source: 'git::https://git.example.com/acme/network?ref=v1.1.0' },
  versions: ['1.1.0', '1.0.0'],
};
const SUMMARY = {
  id: 'acme/network/aws/1.1.0',
  owner: '',
  namespace: 'acme',
  name: 'network',
  version: '1.1.0',
  provider: 'aws',
  description: '',
  source: 'git::https://git.example.com/acme/network?ref=v1.1.0',
  published_at: '2026-01-02T03:04:05.000Z',
  downloads: 0,
  verified: false,
};

describe('moduleDetailDocument', () => {
  it('shows what is in a module', () => {
    expect(moduleDetailDocument(DETAIL, ['aws', 'google'])).toEqual({
      ...SUMMARY,
      root: {
        path: '',
        name: '',
        readme: '# Network',
        empty: false,
        inputs: [
          { name: 'cidr', type: 'string', description: 'Range', default: '', required: true, sensitive: false },
          { name: 'tags', type: 'map(string)', description: '', default: '{}', required: false, sensitive: true },
        ],
        outputs: [{ name: 'id', description: 'Its ID', sensitive: false }],
        dependencies: [{ name: 'vpc', source: './modules/vpc', version: '' }],
        provider_dependencies: [{ name: 'aws', namespace: 'hashicorp', source: 'hashicorp/aws', version: '>= 5.0' }],
        resources: [{ name: 'this', type: 'aws_vpc' }],
      },
      submodules: [{ path: 'modules/vpc', name: 'vpc', readme: '', empty: true, inputs: [], outputs: [], dependencies: [], provider_dependencies: [], resources: [] }],
      examples: [],
      providers: ['aws', 'google'],
      versions: ['1.1.0', '1.0.0'],
    });
  });

  it('shows a version that is not held', () => {
    expect(moduleDetailDocument({ ...DETAIL, document: null, publishedAt: '' }, ['aws'])).toMatchObject({ source: '', published_at: null, root: { empty: true, inputs: [] }, submodules: [] });
  });
});

describe('moduleListDocument', () => {
  it.each([
    ['the only page', { limit: 15, offset: 0, more: false, url: '/modules/v1' }, { limit: 15, current_offset: 0 }],
    ['the first page', { limit: 10, offset: 0, more: true, url: '/modules/v1/search?q=a%20b' }, { limit: 10, current_offset: 0, next_offset: 10, next_url: '/modules/v1/search?q=a+b&offset=10' }],
    ['a page between', { limit: 2, offset: 4, more: true, url: '/m?limit=2&offset=4' }, { limit: 2, current_offset: 4, next_offset: 6, next_url: '/m?limit=2&offset=6', prev_offset: 2, prev_url: '/m?limit=2&offset=2' }],
    ['a page that begins in between', { limit: 10, offset: 3, more: false, url: '/m?offset=3' }, { limit: 10, current_offset: 3, prev_offset: 0, prev_url: '/m?offset=0' }],
  ])('says where the other pages are: %s', (_, page, meta) => {
    expect(moduleListDocument([DETAIL], page)).toEqual({ meta, modules: [SUMMARY] });
  });
});
