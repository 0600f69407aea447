/**
 * Which addresses are public. Where a name is allowed by pattern, whoever may add names to that
 * domain chooses the address: it must not lead back into our own network.
 */
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** All that is assigned for public use; what lies outside may reach inside (`::127.0.0.1`, NAT64). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** A name, or an address written as a host, that leads to an address which is not public. */
export class NotPublicError extends Error {
  override readonly name = 'NotPublicError'

  constructor(host: string, address = host) {
    super(`${host} leads to ${address}, which is not a public address`)
  }
}

/** Whether this is an IP address in public use: no loopback, private, link-local, shared or mapped one. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const ip = ipaddr.parse(address)
  if (ip.range() !== 'unicast') return false
  return ip.kind() === 'ipv4' || ip.match(GLOBAL_IPV6)
}

/**
 * `lookup`, whose answers are refused with {@link NotPublicError} when one of them is not public. It
 * is the connection's own lookup, so what is connected to is what was checked.
 */
export function publicLookup(lookup: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, answers) => {
      if (error !== null) return callback(error, [])
      const addresses = typeof answers === 'string' ? [{ address: answers, family: 0 }] : answers
      const [first] = addresses
      const refused = addresses.find(({ address }) => !isPublic(address))
      if (first === undefined || refused !== undefined) {
        return callback(new NotPublicError(host, refused?.address ?? 'no address'), [])
      }
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}
