/** Whether one Docs server answers under its name, or several: what lies on one of them the others do not know. */
import { lookup } from 'node:dns/promises'
import { answered, isUnanswered } from '../command.js'
import { ok, skipped, warn, type Check, type Context, type Finding } from '../finding.js'
import { count, quote } from '../words.js'

/** Of two behind a balancer that picks one at random, both are seen 31 times of 32. */
const ASKED = 6

const WHY =
  'Commands without a key reach one of them: recover() sees the forgotten files of that one only, unless they share a storage.'
const FIX =
  'if each has a storage of its own, name them in the option `nodes` of createDocs() (docs/reference.md, "Several Docs servers")'

export const nodes: Check = {
  name: 'nodes',
  asks: 'server',
  async run(context) {
    const lists = new Set<string>()
    const versions = new Set<string>()
    for (let asked = 0; asked < ASKED; asked += 1) {
      const list = await answered(context, 'getForgottenList')
      const version = await answered(context, 'version')
      if (isUnanswered(list)) return [skipped('not-told', list.why)]
      lists.add(JSON.stringify([...list.keys].sort()))
      if (!isUnanswered(version)) versions.add(quote(version.version))
    }
    return [judge(lists.size, [...versions], await addressesOf(context))]
  },
}

function judge(lists: number, versions: readonly string[], addresses: number): Finding {
  if (versions.length > 1) {
    const what = `several Docs servers answer, of the versions ${versions.join(' and ')}`
    return warn('several', what, WHY, FIX, 'let all of them be of one version')
  }
  if (lists > 1) {
    const what = `several Docs servers answer: of ${ASKED} lists of forgotten files not all were alike`
    return warn('several', what, WHY, FIX)
  }
  if (addresses > 1) {
    return warn(
      'addresses',
      `its name stands for ${count(addresses, 'address', 'addresses')}`,
      WHY,
      FIX,
    )
  }
  return ok('one', `one Docs server answers, as far as ${ASKED} answers tell`)
}

/** Those of one family: many a server has one of each. */
async function addressesOf({ settings }: Context): Promise<number> {
  const host = settings.server.hostname.replace(/^\[(.*)\]$/, '$1')
  const found = await lookup(host, { all: true }).catch(() => [])
  const ofFamily = (family: number): number => found.filter((one) => one.family === family).length
  return Math.max(ofFamily(4), ofFamily(6))
}
