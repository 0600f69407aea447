/** The kind of schedules that the command line asks for. */
import { TROUBLE_NAMES, type Trouble } from './troubles.js'

export interface Kind {
  /** These troubles and no others; `[]`: the well-behaved world; undefined: drawn at random. */
  troubles: readonly Trouble[] | undefined
  long: boolean | undefined
}

/** Not troubles, but names of worlds of their own. */
const WELL_BEHAVED = 'none'
const LONG = 'long'

/** @throws Error that lists all names there are */
export function kindOf(given: readonly string[] | undefined): Kind {
  if (given === undefined) return { troubles: undefined, long: undefined }
  const names = given.filter((name) => name !== LONG && name !== WELL_BEHAVED)
  const unknown = names.filter((name) => !TROUBLE_NAMES.some((trouble) => trouble === name))
  if (unknown.length > 0) {
    const all = [WELL_BEHAVED, LONG, ...TROUBLE_NAMES].join('\n  ')
    throw new Error(`no trouble is called ${unknown.join(', ')}; there are\n  ${all}`)
  }
  return { troubles: names as Trouble[], long: given.includes(LONG) }
}
