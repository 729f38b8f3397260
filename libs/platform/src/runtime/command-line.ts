import { parseArgs, type ParseArgsConfig } from 'node:util';

import { ProxyError } from '@oci-package-proxy/errors';
import type { JsonValue } from '@oci-package-proxy/storage';

import type { AdminCommand, AdminContext, AdminResult } from './admin-command.ts';

/** What follows the name of a command. */
export interface CommandLine {
  readonly positionals: readonly string[];
  /** The value of an option, or undefined. */
  text(name: string): string | undefined;
  is(name: string): boolean;
}

/** A command before its arguments are taken apart. */
export interface CommandSketch extends Omit<AdminCommand, 'run'> {
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** How many positionals there may be; left out: `run` sees to it. */
  readonly positionals?: { readonly least: number; readonly most: number };
  /** @throws ProxyError; {@link WrongCall} for arguments that do not fit. */
  run(given: CommandLine, context: AdminContext): Promise<AdminResult>;
}

/** Thrown for arguments that do not fit; becomes a {@link ProxyError} with the usage. */
export class WrongCall extends Error {}

/** The command of a sketch. */
export function commandOf(sketch: CommandSketch): AdminCommand {
  const { name, usage, summary } = sketch;
  return {
    name,
    usage,
    summary,
    run: async (args, context) => {
      try {
        return await sketch.run(parsed(sketch, args), context);
      } catch (error) {
        if (error instanceof WrongCall) {
          throw new ProxyError('invalid', `${error.message}. Usage: ${name} ${usage}`);
        }
        throw error;
      }
    },
  };
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `24h` or `7d` in milliseconds. @throws WrongCall. */
export function durationOf(text: string, option: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = UNITS_MS[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw new WrongCall(`--${option} must be a number with s, m, h or d behind it, such as 24h`);
  }
  return Number(match[1]) * unit;
}

/** As many positionals as there are `names`, and no more. @throws WrongCall naming what is missing or too much. */
export function exactly<const N extends readonly string[]>({ positionals }: CommandLine, ...names: N): { readonly [I in keyof N]: string } {
  const missing = names[positionals.length];
  if (missing !== undefined) {
    throw new WrongCall(`The ${missing} is missing`);
  }
  if (positionals.length > names.length) {
    throw new WrongCall(`${JSON.stringify(positionals[names.length])} is too much`);
  }
  return positionals as unknown as { readonly [I in keyof N]: string };
}

/** A result's value for programs. */
export function jsonOf(value: object): JsonValue {
  return value as unknown as JsonValue;
}

function parsed({ options, positionals: allowed }: CommandSketch, args: readonly string[]): CommandLine {
  const { values, positionals } = parse(options, args);
  const { least, most } = allowed ?? { least: 0, most: Number.POSITIVE_INFINITY };
  if (positionals.length < least || positionals.length > most) {
    throw new WrongCall(positionals.length < least ? 'Something is missing' : `${JSON.stringify(positionals[most])} is too much`);
  }
  return {
    positionals,
    text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    is: (name) => values[name] === true,
  };
}

function parse(options: CommandSketch['options'], args: readonly string[]): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new WrongCall(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'The arguments cannot be read');
  }
}
