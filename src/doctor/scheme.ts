/** An address that begins with http: where TLS is spoken. Some servers say so, others break the connection off. */
import { HttpFailure, type Answer } from './ask.js'
import { fail, type Context, type Finding } from './finding.js'
import { shown, troubleOf } from './words.js'

/** nginx, Apache and Go say so, each in its words. */
export const saysTls = ({ status, text }: Answer): boolean =>
  status === 400 && /plain HTTP|HTTP request (was sent )?to an HTTPS/i.test(text)

/** Asked with TLS; whoever shows a certificate, trusted or not, speaks it. */
export async function speaksTls({ http, signal }: Context, url: URL): Promise<boolean> {
  if (url.protocol !== 'http:') return false
  const secure = new URL(url.href.replace('http:', 'https:'))
  // Without a port in it, the address would become another one.
  secure.port = url.port === '' ? '80' : url.port
  try {
    const request = { method: 'GET', url: secure, headers: {}, signal } as const
    const { body } = await http.open({ ...request, maxBytes: Infinity, publicOnly: false })
    // Without a look at the body its connection would stay.
    await body[Symbol.asyncIterator]().next()
    return true
  } catch (error) {
    return error instanceof HttpFailure && troubleOf(error, false).code === 'certificate'
  }
}

export function wrongScheme(url: URL): Finding {
  return fail(
    'scheme',
    `${shown(url)} speaks TLS, and its address begins with http:`,
    'Nothing that is sent there without TLS is answered.',
    'begin the address with https:, here and in createDocs()',
  )
}
