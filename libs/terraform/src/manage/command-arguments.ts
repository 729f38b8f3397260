import { parseArgs, type ParseArgsConfig } from 'node:util';

import { ProxyError } from '@oci-package-proxy/errors';
import type { AdminCommand, AdminContext, AdminResult } from '@oci-package-proxy/platform';
import type { JsonValue } from '@oci-package-proxy/storage';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What follows the name of a command. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The value of an option, or undefined. */
  text(name: string): string | undefined;
  is(name: string): boolean;
}

/** A command before its arguments are taken apart. */
export interface CommandSketch {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly options: Options;
  /** @throws ProxyError; {@link WrongCall} for arguments that do not fit. */
  run(given: Arguments, context: AdminContext): Promise<AdminResult>;
}

/** Thrown for arguments that do not fit; becomes a {@link ProxyError} with the usage. */
export class WrongCall extends Error {}

/** The command of a sketch. */
export function commandOf({ name, usage, summary, options, run }: CommandSketch): AdminCommand {
  return {
    name,
    usage,
    summary,
    run: async (args, context) => {
      try {
        return await run(argumentsOf(args, options), context);
      } catch (error) {
        if (error instanceof WrongCall) {
          throw new ProxyError('invalid', `${error.message}. Usage: ${name} ${usage}`);
        }
        throw error;
      }
    },
  };
}

/** As many positionals as there are `names`, and no more. @throws WrongCall naming what is missing or too much. */
export function exactly<const N extends readonly string[]>({ positionals }: Arguments, ...names: N): { readonly [I in keyof N]: string } {
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

function argumentsOf(args: readonly string[], options: Options): Arguments {
  const { values, positionals } = parsed(args, options);
  return {
    positionals,
    text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    is: (name) => values[name] === true,
  };
}

function parsed(args: readonly string[], options: Options): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new WrongCall(error instanceof Error ? error.message.split('. ')[0] : 'The arguments cannot be read');
  }
}
