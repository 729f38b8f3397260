import { ProxyError } from '@oci-package-proxy/errors';

const PARTIAL_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/;

/**
 * Reassembles base64 (RFC 4648 §4, padded) that comes in pieces of a JSON string, escapes such as `\/` included, into
 * texts of whole groups of four.
 */
export class Base64Text {
  #carry = '';
  #ended = false;

  /** The whole groups that are complete now. Letters outside the alphabet are found by {@link decodedSize}. @throws ProxyError `invalid`. */
  push(bytes: Buffer): string {
    let text = this.#carry + bytes.toString('latin1');
    let escape = '';
    if (text.includes('\\')) {
      escape = PARTIAL_ESCAPE.exec(text)?.[0] ?? '';
      text = unescaped(text.slice(0, text.length - escape.length));
    }
    if (this.#ended && text + escape !== '') {
      throw badBase64();
    }
    const whole = text.slice(0, text.length - (text.length % 4));
    this.#carry = text.slice(whole.length) + escape;
    this.#ended ||= whole.endsWith('=');
    if (this.#ended && this.#carry !== '') {
      throw badBase64();
    }
    return whole;
  }

  /** @throws ProxyError `invalid` when it breaks off within a group. */
  end(): void {
    if (this.#carry !== '') {
      throw badBase64();
    }
  }
}

/** How many bytes a text of whole groups must decode to. Decoding skips what is no base64, and so comes to less. */
export function decodedSize(groups: string): number {
  const padding = groups.endsWith('==') ? 2 : Number(groups.endsWith('='));
  return (groups.length / 4) * 3 - padding;
}

/** What is thrown for a text that is no base64. */
export function badBase64(): ProxyError {
  return new ProxyError('invalid', 'The data of an attachment is not valid base64.');
}

function unescaped(text: string): string {
  try {
    const plain = JSON.parse(`"${text}"`) as string;
    if (!plain.includes('\\')) {
      return plain;
    }
  } catch {
    // Said below.
  }
  throw badBase64();
}
