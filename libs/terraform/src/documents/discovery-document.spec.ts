import { describe, expect, it } from 'vitest';

import { discoveryDocument } from './discovery-document.ts';
import { errorDocument } from './error-document.ts';
import { upstreamDocument } from './sample-documents.contract.ts';
import { decodeDiscovery } from './upstream-discovery.ts';

describe('discoveryDocument', () => {
  it('names the services that there are', () => {
    const login = { authorize: '/login/authorize', token: '/login/token' };

    expect(discoveryDocument({ providers: '/providers/v1/', modules: '/modules/v1/', login })).toEqual({
      'providers.v1': '/providers/v1/',
      'modules.v1': '/modules/v1/',
      'login.v1': { client: 'terraform-cli', grant_types: ['authz_code'], authz: '/login/authorize', token: '/login/token', ports: [10_000, 10_010] },
    });
    expect(discoveryDocument({ providers: null, modules: null, login: null })).toEqual({});
  });

  it('is read as it is meant', () => {
    const document = upstreamDocument(discoveryDocument({ providers: '/tf/providers/v1/', modules: './modules/', login: null }), 'https://example.com/.well-known/terraform.json');

    expect(decodeDiscovery(document)).toEqual({ providers: 'https://example.com/tf/providers/v1/', modules: 'https://example.com/.well-known/modules/' });
  });
});

describe('errorDocument', () => {
  it('lists texts', () => {
    expect(errorDocument('Not Found')).toEqual({ errors: ['Not Found'] });
  });
});
