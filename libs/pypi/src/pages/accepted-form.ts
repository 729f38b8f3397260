/** The two forms of a simple page. */
export type PageForm = 'json' | 'html';

/** A form, and the Content-Type to answer with, exactly. */
export interface AcceptedForm {
  readonly form: PageForm;
  readonly contentType: string;
}

// Without a charset: some mirrors compare the header as a whole.
const JSON_FORM: AcceptedForm = { form: 'json', contentType: 'application/vnd.pypi.simple.v1+json' };
const TYPED_HTML: AcceptedForm = { form: 'html', contentType: 'application/vnd.pypi.simple.v1+html' };
const TEXT_HTML: AcceptedForm = { form: 'html', contentType: 'text/html; charset=utf-8' };

// In the order that decides between equals. `latest` is answered with the type of the version that it is.
const OFFERS: readonly { readonly answer: AcceptedForm; readonly types: readonly string[]; readonly ranges: readonly string[] }[] = [
  { answer: TEXT_HTML, types: ['text/html'], ranges: ['text/*', '*/*'] },
  { answer: TYPED_HTML, types: ['application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.latest+html'], ranges: ['application/*', '*/*'] },
  { answer: JSON_FORM, types: ['application/vnd.pypi.simple.v1+json', 'application/vnd.pypi.simple.latest+json'], ranges: ['application/*', '*/*'] },
];

const SHORT_FORMATS: ReadonlyMap<string, AcceptedForm> = new Map([
  ['json', JSON_FORM],
  ['html', TEXT_HTML],
]);

/**
 * The form in which a simple page is answered: PEP 691 "Version + Format Selection", RFC 9110 §12.5.1. `format`, the query's, is one
 * of the content types or `json` or `html`, and goes before the header. Between equals, and so for any type and for no header, it is
 * HTML, because clients that ask for nothing in particular read nothing else; it is `text/html` too where nothing that we have is
 * accepted, as the public index does, instead of 406. Never throws: what is malformed is ignored.
 */
export function acceptedForm(accept: string | undefined, format: string | null): AcceptedForm {
  return (format === null ? null : formatForm(format)) ?? preferredForm(weightsOf(accept ?? '*/*'));
}

function formatForm(format: string): AcceptedForm | null {
  // A plus that nobody escaped means a space in a query.
  const type = format.trim().toLowerCase().replace(' ', '+');
  return SHORT_FORMATS.get(type) ?? OFFERS.find(({ types }) => types.includes(type))?.answer ?? null;
}

function preferredForm(weights: ReadonlyMap<string, number>): AcceptedForm {
  let best = { answer: TEXT_HTML, weight: 0 };
  for (const { answer, types, ranges } of OFFERS) {
    const named = types.flatMap((type) => weights.get(type) ?? []);
    // The most specific range counts, not the greatest weight.
    const weight = named.length > 0 ? Math.max(...named) : (ranges.map((range) => weights.get(range)).find((found) => found !== undefined) ?? 0);
    if (weight > best.weight) {
      best = { answer, weight };
    }
  }
  return best.answer;
}

function weightsOf(accept: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    weights.set(type, Math.max(weights.get(type) ?? 0, weightOf(parameters)));
  }
  return weights;
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '');
  return weight === undefined ? 1 : Math.min(Number(weight) || 0, 1);
}
