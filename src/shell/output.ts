/** What a command prints: lines as they come, or one JSON document at the end. */

/** Resolves when it is out: the process is ended after it. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()))
}

export interface Output {
  /** A line for people. With `--json` nothing. */
  line: (text: string) => Promise<void>
  /** How far it is, on a terminal only: the next line takes its place. */
  progress: (text: string) => void
  /** The JSON document, with `--json` only. */
  document: (value: object) => Promise<void>
}

const CLEAR = '\r\u001b[K'

export function createOutput(json: boolean): Output {
  const { stdout, stderr } = process
  let shown = ''

  function clear(): void {
    if (shown !== '') stderr.write(CLEAR)
  }

  return {
    async line(text) {
      if (json) return
      clear()
      await write(stdout, `${text}\n`)
      if (shown !== '') stderr.write(shown)
    },
    progress(text) {
      if (!stderr.isTTY) return
      clear()
      shown = text
      stderr.write(text)
    },
    async document(value) {
      if (json) await write(stdout, `${JSON.stringify(value, undefined, 2)}\n`)
    },
  }
}
