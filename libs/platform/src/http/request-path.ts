const SECRET_AFTER = /(\/(?:user\/)?tokens?(?:\/token)?\/)[^/]+/gi;
/** A link that is all that is needed to read a file: so long a part is no package's name. */
const CAPABILITY = /(\/files\/)[A-Za-z0-9_-]{80,}/g;
const OUR_TOKEN = /\bopp_[0-9a-zA-Z]+_[0-9a-zA-Z_-]+/g;

/** Path of a request URL, fit for a log or an error: no query, no token that a client put into the path. */
export function loggablePath(url: string): string {
  const end = url.search(/[?#]/);
  const path = end === -1 ? url : url.slice(0, end);
  return path.slice(0, 1024).replaceAll(SECRET_AFTER, '$1…').replaceAll(CAPABILITY, '$1…').replaceAll(OUR_TOKEN, 'opp_…');
}
