/** Whether a pattern is for all that there can be below a beginning, for some of it, for nothing; `some` also where that cannot be told. */
export type Cover = 'all' | 'some' | 'none';

const MAX_LENGTH = 500;
const MAX_ALTERNATIVES = 200;
const DOUBLE = '**';
const INVERSE: Readonly<Record<Cover, Cover>> = { all: 'none', some: 'some', none: 'all' };
/** Sets of characters and escapes: nobody needs them for the names of repositories. */
const UNREAD = /[[\]\\]/;

/** Whether the pattern is for `name`, as Harbor's selectors understand it (doublestar 1.3): `*`, `**` between slashes, `?`, `{a,b}`. A pattern that cannot be read is for nothing. */
export function isFor(pattern: string, name: string): boolean {
  return pattern === '' || (alternativesOf(pattern) ?? []).some((alternative) => areMatched(alternative, name.split('/')));
}

/** For which of the names that begin with `beginning` the pattern is. Behind a slash there are names of any depth, behind anything else names without a slash. */
export function coverOf(pattern: string, beginning: string): Cover {
  const known = beginning.split('/');
  const last = known.pop() ?? '';
  const alternatives = pattern === '' ? [[DOUBLE]] : alternativesOf(pattern);
  return alternatives === null ? 'some' : most(alternatives.map((alternative) => below(alternative, known, last)));
}

/** For which tags the pattern is; they have no slash. */
export function coverOfTags(pattern: string): Cover {
  const alternatives = pattern === '' ? [[DOUBLE]] : alternativesOf(pattern);
  return alternatives === null ? 'some' : most(alternatives.map((alternative) => coverOfOne(alternative, '')));
}

/** The cover of several that must all be. */
export function coverOfAll(covers: readonly Cover[]): Cover {
  if (covers.includes('none')) {
    return 'none';
  }
  return covers.includes('some') ? 'some' : 'all';
}

/** The cover of those that must not match. */
export function inverse(cover: Cover): Cover {
  return INVERSE[cover];
}

function most(covers: readonly Cover[]): Cover {
  if (covers.includes('all')) {
    return 'all';
  }
  return covers.includes('some') ? 'some' : 'none';
}

/** What a pattern with braces stands for, by path segments; null: it cannot be read. */
function alternativesOf(pattern: string): readonly (readonly string[])[] | null {
  let patterns: readonly string[] = [pattern];
  while (patterns.some((one) => one.includes('{'))) {
    patterns = patterns.flatMap(spreadOnce);
    if (patterns.length > MAX_ALTERNATIVES) {
      return null;
    }
  }
  return pattern.length > MAX_LENGTH || UNREAD.test(pattern) || patterns.length === 0 || patterns.some((one) => one.includes('}')) ? null : patterns.map(segmentsOf);
}

/** The innermost braces first; nothing where they are not closed. */
function spreadOnce(pattern: string): readonly string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern);
  if (braces === null) {
    return pattern.includes('{') ? [] : [pattern];
  }
  const head = pattern.slice(0, braces.index);
  const tail = pattern.slice(braces.index + braces[0].length);
  const at = head.split('/').length - 1;
  return (braces[1] ?? '').split(',').map((choice) => {
    // To Harbor, two stars out of braces are one segment, as one star is.
    return `${head}${choice}${tail}`.split('/').map((segment, index) => (index === at && segment === DOUBLE ? '*' : segment)).join('/');
  });
}

function segmentsOf(pattern: string): readonly string[] {
  const segments = pattern.split('/');
  return segments.filter((segment, index) => segment !== DOUBLE || segments[index + 1] !== DOUBLE);
}

function areMatched([first, ...rest]: readonly string[], names: readonly string[]): boolean {
  const [name, ...others] = names;
  if (first === undefined || name === undefined) {
    return first === undefined && name === undefined;
  }
  if (first === DOUBLE) {
    return rest.length === 0 || areMatched(rest, names) || areMatched([first, ...rest], others);
  }
  return isMatched(first, name) && areMatched(rest, others);
}

function below(segments: readonly string[], known: readonly string[], last: string): Cover {
  const [first, ...rest] = segments;
  const [name, ...others] = known;
  if (name === undefined) {
    return last === '' ? coverOfAnything(segments) : coverOfOne(segments, last);
  }
  if (first === DOUBLE) {
    return most([below(rest, known, last), below(segments, others, last)]);
  }
  return first !== undefined && isMatched(first, name) ? below(rest, others, last) : 'none';
}

/** Of names of any depth, from one segment on. Two stars stand for no segment at all, except at the end. */
function coverOfAnything(segments: readonly string[]): Cover {
  if (segments.length === 0) {
    return 'none';
  }
  const least = segments.filter((segment, index) => segment !== DOUBLE || index === segments.length - 1).length;
  return segments.includes(DOUBLE) && least === 1 && segments.every((segment) => /^\*+$/.test(segment)) ? 'all' : 'some';
}

/** Of names of one segment that begins with `beginning`. */
function coverOfOne(segments: readonly string[], beginning: string): Cover {
  const [segment, ...more] = segments[0] === DOUBLE && segments.length > 1 ? segments.slice(1) : segments;
  if (segment === undefined || more.length > 0) {
    return 'none';
  }
  const literal = /^[^*?]*/.exec(segment)?.[0] ?? '';
  if (!literal.startsWith(beginning) && !beginning.startsWith(literal)) {
    return 'none';
  }
  return segment.endsWith('*') && isMatched(segment, beginning) ? 'all' : 'some';
}

/** One segment. Goes back to the last star only, so that no pattern takes long. */
function isMatched(pattern: string, name: string): boolean {
  let [at, star, since] = [0, -1, 0];
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === '*') {
      star = at;
      since = index;
      at += 1;
    } else if (pattern[at] === '?' || pattern[at] === name[index]) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      since += 1;
      at = star + 1;
      index = since;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
