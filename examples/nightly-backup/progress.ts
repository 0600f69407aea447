/** A bar on a terminal; in a log, where a bar would be a mess, a line for each document. */
import type { WriteStream } from 'node:tty'
import { Presets, SingleBar } from 'cli-progress'

interface Progress {
  tell: (done: number, total: number, what: string) => void
  end: () => void
}

export function showProgress(stream: WriteStream): Progress {
  if (!stream.isTTY) {
    return {
      tell: (done, total, what) => void stream.write(`${done} of ${total}  ${what}\n`),
      end() {},
    }
  }
  const bar = new SingleBar({ stream, format: '{bar} {what}' }, Presets.shades_classic)
  bar.start(1, 0, { what: 'what is open is being saved' })
  return {
    tell(done, total, what) {
      bar.setTotal(total)
      bar.update(done, { what: `${done} of ${total}  ${what}` })
    },
    end: () => bar.stop(),
  }
}
