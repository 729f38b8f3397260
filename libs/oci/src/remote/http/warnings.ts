const URL_QUERY = /(https?:\/\/[^\s?#"]*)[?#][^\s"]*/gi;
const URL_USER = /(https?:\/\/)[^\s/@"]*@/gi;
const MAX_REMEMBERED = 100;
const MAX_LENGTH = 500;
const WARNING = /^299 \S+ "((?:[^"\\]|\\.)*)"/;

/** Reports each text of a registry's `Warning` headers once: distribution-spec "Warnings". They are never acted upon. */
export class WarningReporter {
  readonly #seen = new Set<string>();
  readonly #report: (text: string) => void;

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  /** Looks at one answer's `Warning` header. */
  header(value: string | readonly string[] | undefined): void {
    const values = typeof value === 'string' ? [value] : (value ?? []);
    for (const text of values) {
      const warning = WARNING.exec(text)?.[1];
      if (warning !== undefined) {
        this.once(redacted(warning.replaceAll(/\\(.)/g, '$1')).slice(0, MAX_LENGTH));
      }
    }
  }

  /** Reports `text` unless it was reported before. */
  once(text: string): void {
    if (this.#seen.has(text) || this.#seen.size >= MAX_REMEMBERED) {
      return;
    }
    this.#seen.add(text);
    this.#report(text);
  }
}

/** The text is the registry's own: of URLs in it, which may be presigned, only the path is shown. */
function redacted(text: string): string {
  return text.replaceAll(URL_QUERY, '$1?…').replaceAll(URL_USER, '$1');
}
