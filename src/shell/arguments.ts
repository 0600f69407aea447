/** Arguments of all commands. A secret or password is in no message of this file. */
import { readFileSync } from 'node:fs'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { baseUrl } from '../check-address.js'
import { isDocsError } from '../errors.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Wrong usage; the message says what is allowed. */
export class UsageError extends Error {}

/** No command was given that there is: what there is has to be said. */
export class NoCommandError extends UsageError {}

type OptionSpecs = NonNullable<ParseArgsConfig['options']>

interface Config<Options extends OptionSpecs> {
  args: string[]
  options: Options
  allowPositionals: true
}

/** @throws UsageError */
export function parse<Options extends OptionSpecs>(
  args: readonly string[],
  options: Options,
): ReturnType<typeof parseArgs<Config<Options>>> {
  try {
    return parseArgs<Config<Options>>({ args: [...args], options, allowPositionals: true })
  } catch {
    // Node's words hold what was given, which may be a secret.
    throw new UsageError(problemIn(args, options))
  }
}

function problemIn(args: readonly string[], options: OptionSpecs): string {
  const { tokens } = parseArgs({
    ...{ args: [...args], options, allowPositionals: true, strict: false, tokens: true },
  })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (option === undefined) {
      const names = Object.keys(options).map((name) => `--${name}`)
      return `there is an option that does not exist; allowed are ${names.join(', ')}`
    }
    if (option.type === 'boolean' && token.value !== undefined)
      return `--${token.name}: it takes no value`
    if (option.type === 'string' && (token.value === undefined || isOption(token))) {
      return `--${token.name}: it lacks its value; one that begins with - is written --option=value`
    }
  }
  return 'an option lacks its value, or has one too many'
}

const isOption = ({
  value = '',
  inlineValue,
}: {
  value?: string
  inlineValue?: boolean
}): boolean => inlineValue !== true && value.startsWith('-') && value !== '-'

/** One secret a line. */
export const lines = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '')

/** Of a file, or of standard input. @throws UsageError */
export function contents(file: string | 0, name: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    throw new UsageError(`${name} cannot be read: ${code}`)
  }
}

/** @throws UsageError */
export function address(name: string, given: string): URL {
  try {
    return new URL(baseUrl(name, given))
  } catch (error) {
    throw isDocsError(error) ? new UsageError(error.message) : error
  }
}

/** Not shown: it may hold a password. @throws UsageError */
export function redisUrl(given: string | undefined): string | undefined {
  if (given === undefined || (/^rediss?:\/\//.test(given) && URL.canParse(given))) return given
  throw new UsageError(
    '--redis: give a URL like redis://127.0.0.1:6379 or rediss://user:password@host',
  )
}

/** In ms. @throws UsageError */
export function seconds(
  name: string,
  given: string | undefined,
  normally: number,
  least: number,
  most: number,
): number {
  const value = given === undefined ? normally : Number(given)
  if (given !== '' && value >= least && value <= most) return value * 1000
  throw new UsageError(`${name}: allowed are ${least} to ${most} seconds`)
}
