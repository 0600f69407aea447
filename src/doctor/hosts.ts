/** Whether the Docs server can mean the same by the callback's host as we do. */
import { lookup } from 'node:dns/promises'
import { BlockList, isIPv6 } from 'node:net'
import { isPublic } from '../client/address.js'
import { warn, type Finding } from './finding.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

type Reach = 'this machine' | 'private' | 'public'

/** `undefined`: it does not resolve, and asking it will say so. */
async function reachOf({ hostname }: URL): Promise<Reach | undefined> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const addresses = await lookup(host, { all: true }).catch(() => [])
  if (addresses.length === 0) return undefined
  if (addresses.every(({ address }) => isPublic(address))) return 'public'
  const here = addresses.every(({ address }) =>
    loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
  )
  return here ? 'this machine' : 'private'
}

/** `undefined`: nothing to be said. */
export async function hostFinding(server: URL, callback: URL): Promise<Finding | undefined> {
  const [there, here] = await Promise.all([reachOf(server), reachOf(callback)])
  const host = callback.hostname
  if (here === 'this machine') {
    const beside = there === 'this machine'
    return warn(
      'this-machine',
      `${host} is this machine itself`,
      beside
        ? 'If the Docs server runs in a container, the same name is that container there, and no callback arrives.'
        : 'To the Docs server the same name is the machine that it runs on: no callback arrives.',
      beside
        ? 'with a container: set publicUrl to an address that works from inside it, like http://host.docker.internal:3000'
        : 'set publicUrl to an address of this machine that the Docs server reaches',
      'a Docs server calls private addresses only if it is told to: ALLOW_PRIVATE_IP_ADDRESS=true',
    )
  }
  if (here === 'private' && there === 'public') {
    return warn(
      'private',
      `${host} is a private address, and the Docs server has a public one`,
      'It may have no way into this network; and it calls private addresses only if it is told to.',
      'set publicUrl to an address that the Docs server reaches, or ALLOW_PRIVATE_IP_ADDRESS=true there',
    )
  }
  return undefined
}
