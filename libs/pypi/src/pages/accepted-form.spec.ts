import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { acceptedForm } from './accepted-form.ts';

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const TYPED_HTML = 'application/vnd.pypi.simple.v1+html';
const TEXT_HTML = 'text/html; charset=utf-8';

describe('the form of a page', () => {
  it.each([
    ['pip, and unearth in pdm', 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01', JSON_TYPE],
    ['uv', 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01', JSON_TYPE],
    ['poetry', 'application/vnd.pypi.simple.v1+json, */*;q=0.1', JSON_TYPE],
    ['hatch and pipenv', '*/*', TEXT_HTML],
    ['pip from before JSON', 'text/html', TEXT_HTML],
    ['devpi, and pulp', 'application/vnd.pypi.simple.v1+json', JSON_TYPE],
    ['a mirror', 'application/vnd.pypi.simple.v1+json;q=1.0, text/html;q=0.1', JSON_TYPE],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', TEXT_HTML],
    ['somebody with no header', undefined, TEXT_HTML],
    ['somebody with an empty one', '', TEXT_HTML],
  ])('of %s', (_who, accept, contentType) => {
    expect(acceptedForm(accept, null)).toEqual({ form: contentType === JSON_TYPE ? 'json' : 'html', contentType });
  });

  it.each([
    ['application/vnd.pypi.simple.latest+json', JSON_TYPE],
    ['application/vnd.pypi.simple.latest+html', TYPED_HTML],
    ['application/vnd.pypi.simple.v1+html', TYPED_HTML],
    ['application/vnd.pypi.simple.v1+html, text/html;q=0.9', TYPED_HTML],
    ['application/vnd.pypi.simple.v1+html, text/html', TEXT_HTML],
    ['application/vnd.pypi.simple.v1+json, text/html', TEXT_HTML],
    ['application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html', TYPED_HTML],
    ['application/*', TYPED_HTML],
    ['application/*, application/vnd.pypi.simple.v1+html;q=0.5', JSON_TYPE],
    ['text/*', TEXT_HTML],
    ['*/*, text/html;q=0', TYPED_HTML],
    ['*/*;q=0.5, application/vnd.pypi.simple.v1+json;q=0.4', TEXT_HTML],
    ['APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; Q = 0.5', JSON_TYPE],
    ['application/vnd.pypi.simple.v1+json;q=0, application/vnd.pypi.simple.latest+json;q=0.3', JSON_TYPE],
    ['application/vnd.pypi.simple.v1+json; charset=utf-8; q=0.7, text/html; q=0.6', JSON_TYPE],
  ])('%s is %s', (accept, contentType) => {
    expect(acceptedForm(accept, null).contentType).toBe(contentType);
  });

  it.each(['application/json', 'image/png', 'application/vnd.pypi.simple.v2+json', 'application/vnd.pypi.simple.v1+json;q=0', ';;;,,,q=', 'a;q=1;q=x,*', `${JSON_TYPE};q=much`, `${JSON_TYPE};q=-1`])(
    'is HTML where nothing we have is accepted: %s',
    (accept) => {
      expect(acceptedForm(accept, null)).toEqual({ form: 'html', contentType: TEXT_HTML });
    },
  );

  it.each([
    ['json', JSON_TYPE],
    ['html', TEXT_HTML],
    ['text/html', TEXT_HTML],
    [JSON_TYPE, JSON_TYPE],
    ['application/vnd.pypi.simple.v1 json', JSON_TYPE],
    [TYPED_HTML, TYPED_HTML],
    ['application/vnd.pypi.simple.latest+html', TYPED_HTML],
  ])('is that of the query before that of the header: %s', (format, contentType) => {
    const accept = contentType === JSON_TYPE ? 'text/html' : JSON_TYPE;

    expect(acceptedForm(accept, format).contentType).toBe(contentType);
  });

  it.each(['', 'xml', 'application/json', '*/*'])('is that of the header where the query says nothing that we know: %s', (format) => {
    expect(acceptedForm(JSON_TYPE, format).form).toBe('json');
  });

  it('is one of three, whatever is sent', () => {
    const pieces = fc.constantFrom('application/vnd.pypi.simple.v1+json', 'text/html', '*/*', ';', ',', 'q=', '0.5', ' ', 'application/*', '1e999', 'NaN', '"');
    const header = fc.oneof(fc.string(), fc.array(pieces).map((parts) => parts.join('')));

    fc.assert(
      fc.property(fc.option(header, { nil: undefined }), fc.option(fc.string()), (accept, format) => {
        expect([JSON_TYPE, TYPED_HTML, TEXT_HTML]).toContain(acceptedForm(accept, format).contentType);
      }),
    );
  });
});
