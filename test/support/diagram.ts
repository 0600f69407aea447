/** A sequence diagram of a guide, and the recording that it shows, in the same words. */
import { readFileSync } from 'node:fs'

/** The file of recordings that a diagram names in its first line, or undefined. */
export const recordingOf = (diagram: string): string | undefined =>
  /^ *%% test\/wire\/([\w-]+)\.jsonl$/m.exec(diagram)?.[1]

/** Its messages, in order: `A->>D: forcesave`. Notes are words of ours. */
export const messagesOf = (diagram: string): string[] =>
  [...diagram.matchAll(/^ *(\w+-{1,2}>>\w+: .+)$/gm)].map(([, message = '']) => message)

/** What is used of Mermaid: all of this has been seen to be drawn, in a dark page too. */
const LINES: Readonly<Record<string, RegExp>> = {
  sequenceDiagram:
    /^(%% .+|participant \w+ as [\w ]+|\w+-{1,2}>>\w+: [^;#]+|Note over \w+: [^;#]+)$/,
  'flowchart TB': /^(\w+(\(\["[^"`]+"\]\)|\["[^"`]+"\])|\w+ (-->|-\.->|<-->)(\|"[^"`]+"\|)? \w+)$/,
}

/** Lines that may not be drawn as they are meant; a whole parser of Mermaid is 150 MB of libraries. */
export function problemsIn(diagram: string): string[] {
  const [kind = '', ...lines] = diagram.trim().split('\n')
  const allowed = LINES[kind]
  if (allowed === undefined) return [kind]
  const named = new Set(
    [...diagram.matchAll(/^ +(?:participant )?(\w+)(?: as |\(\[|\[")/gm)].map(([, name]) => name),
  )
  return lines.filter(
    (line) => !allowed.test(line.trim()) || !endsOf(line).every((end) => named.has(end)),
  )
}

/** Whom a message or an arrow connects, or a note is about. */
function endsOf(line: string): string[] {
  const ends =
    /^ *(\w+)-{1,2}>>(\w+):/.exec(line) ??
    /^ *Note over (\w+):/.exec(line) ??
    /^ *(\w+) (?:<?-->|-\.->)(?:\|.+\|)? (\w+)$/.exec(line)
  return ends === null ? [] : ends.slice(1)
}

interface Entry {
  type: 'editor' | 'command' | 'response' | 'callback' | 'reply' | 'converter'
  action?: 'open' | 'edit' | 'close'
  user?: string
  status?: number
  body?: { c?: string; status?: number; error?: number; userdata?: string }
}

const DOES = { open: 'opens', edit: 'types', close: 'leaves' }

/** What was recorded, as the messages of a diagram: E is an editor, D the Docs server, A the application. */
export function recorded(name: string): string[] {
  const file = readFileSync(new URL(`../wire/${name}.jsonl`, import.meta.url), 'utf8')
  const [, ...lines] = file.trim().split('\n')
  return lines.flatMap((line) => {
    const { type, action, user, status, body = {} } = JSON.parse(line) as Entry
    const userdata = body.userdata === undefined ? '' : `, userdata "${body.userdata}"`
    switch (type) {
      case 'editor':
        return [`E->>D: ${user} ${DOES[action!]}`]
      case 'command':
        return [`A->>D: ${body.c}${userdata}`]
      case 'response':
        return [`D-->>A: answer ${body.error}`]
      case 'callback':
        return [`D->>A: callback ${body.status}${userdata}`]
      case 'reply':
        return [`A-->>D: ${status} error ${body.error}`]
      case 'converter':
        return []
    }
  })
}
