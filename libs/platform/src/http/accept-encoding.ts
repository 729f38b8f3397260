/** Whether an Accept-Encoding header allows gzip: RFC 9110 §12.5.3. No header is read as identity only, which every client takes. */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  const text = Array.isArray(header) ? header.join(',') : String(header ?? '');
  let wildcard = false;
  for (const item of text.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const wanted = weightOf(parameters) > 0;
    if (coding === 'gzip' || coding === 'x-gzip') {
      return wanted;
    }
    wildcard ||= coding === '*' && wanted;
  }
  return wildcard;
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const value = weight === undefined ? 1 : Number(weight.slice(2));
  return Number.isNaN(value) ? 0 : value;
}
