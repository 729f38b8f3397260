const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
  // HTML cannot hold it in any way.
  '\0': '\u{fffd}',
};

/** A text as it stands in HTML, in an element or in quotes; on one line, so that readers with regular expressions find it. */
export function htmlText(text: string): string {
  return text.toWellFormed().replaceAll(/[&<>"'\t\n\r\0]/g, (character) => ESCAPES[character] ?? '');
}
