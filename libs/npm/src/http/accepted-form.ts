import { ABBREVIATED_TYPE } from '../documents/forms.ts';

/** Which form of a packument an Accept header prefers: RFC 9110 §12.5.1. Clients that do not name the abbreviated one get all. */
export function acceptedForm(accept: string | undefined): 'full' | 'abbreviated' {
  const weights = new Map<string, number>();
  for (const item of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    weights.set(type, weight === undefined ? 1 : Number(weight.replace(/^q\s*=\s*/, '')) || 0);
  }
  const abbreviated = weights.get(ABBREVIATED_TYPE) ?? 0;
  return abbreviated > 0 && abbreviated >= (weights.get('application/json') ?? 0) ? 'abbreviated' : 'full';
}
