import { describe, expect, it } from 'vitest';

import { signedHeaders } from './signature-v4.ts';

// The published test suite of Signature Version 4 ("aws-sig-v4-test-suite"), by the names of its cases.
const HOST = ['example', 'amazonaws', 'com'].join('.');
const SCOPE = {
  keys: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  region: 'us-east-1',
  service: 'service',
  at: new Date('2015-08-30T12:36:00Z'),
};

describe('signedHeaders', () => {
  it.each<[string, 'GET' | 'POST', string, Record<string, string>, string, string, string]>([
    ['get-vanilla', 'GET', '/', {}, '', 'host;x-amz-date', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['get-vanilla-query-order-key-case', 'GET', '/?Param2=value2&Param1=value1', {}, '', 'host;x-amz-date', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
    ['get-header-value-trim', 'GET', '/', { 'My-Header1': ' value1', 'My-Header2': ' "a   b   c"' }, '', 'host;my-header1;my-header2;x-amz-date', 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736'],
    ['post-vanilla', 'POST', '/', {}, '', 'host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    ['post-header-key-sort', 'POST', '/', { 'My-Header1': 'value1' }, '', 'host;my-header1;x-amz-date', 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c'],
    ['post-x-www-form-urlencoded', 'POST', '/', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'Param1=value1', 'content-type;host;x-amz-date', 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a'],
  ])('signs %s as published', (_name, method, path, headers, body, names, signature) => {
    const signed = signedHeaders({ method, url: new URL(path, `https://${HOST}`), headers, body }, SCOPE);

    expect(signed).toMatchObject({
      'x-amz-date': '20150830T123600Z',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    });
  });

  it('signs the token of keys that expire', () => {
    const signed = signedHeaders({ method: 'POST', url: new URL('https://example.com'), headers: {}, body: '' }, { ...SCOPE, keys: { ...SCOPE.keys, sessionToken: 'session' } });

    expect(signed).toMatchObject({ 'x-amz-security-token': 'session', authorization: expect.stringContaining('SignedHeaders=host;x-amz-date;x-amz-security-token,') as string });
  });
});
