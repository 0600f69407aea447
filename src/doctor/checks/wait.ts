/** Whether what stands in front of the application has patience. */
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { HttpFailure } from '../../client/http.js'
import { ask } from '../ask.js'
import { fail, ok, skipped, type Check, type Finding } from '../finding.js'
import { isOurs } from '../replies.js'
import { duration, troubleOf } from '../words.js'

/** The body, in the two parts that it comes in. */
const FIRST = '{"padding":'
const SECOND = '"x"}'

/** A reply can take as long as `onSave` does, and only a real save takes that long. */
const REPLY = skipped(
  'reply-unmeasured',
  'how long a proxy waits for a reply cannot be seen without a save: see that it is longer than replyTimeout, 50 s by default (nginx: proxy_read_timeout)',
)

export const wait: Check = {
  name: 'wait',
  asks: 'callback',
  extra: (settings) => settings.wait,
  async run(context) {
    const { callback: url, wait: ms } = context.settings
    if (url === undefined || context.known.ours !== true)
      return [skipped('not-ours', 'not sent: see callback')]
    async function* slowly(): AsyncGenerator<Buffer> {
      yield Buffer.from(FIRST)
      await pause(ms, undefined, { signal: context.signal })
      yield Buffer.from(SECOND)
    }
    const headers = {
      'content-type': 'application/json',
      'content-length': String(FIRST.length + SECOND.length),
    }
    try {
      const body = Readable.from(slowly())
      const answer = await ask(context, { method: 'POST', url, headers, body })
      if (isOurs(answer))
        return [
          ok('patient', `a callback that takes ${duration(ms)} to arrive is answered as usual`),
          REPLY,
        ]
      return [impatient(ms, `is answered with HTTP ${answer.status}`), REPLY]
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error
      return [
        impatient(
          ms,
          `is given no answer: the address ${troubleOf(error, context.signal.aborted).what}`,
        ),
        REPLY,
      ]
    }
  },
}

function impatient(ms: number, what: string): Finding {
  return fail(
    'cut',
    `a callback that takes ${duration(ms)} to arrive ${what}`,
    'Something in between ends connections that are silent for so long; a reply can take longer, as long as onSave does.',
    'raise its time limits for this route above replyTimeout, 50 s by default',
  )
}
