/** The pictures of the papers can be drawn, and show what was recorded. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { messagesOf, problemsIn, recorded, recordingOf } from './support/diagram.js'

const PAPERS = ['docs/what-the-docs-server-does.md', 'CONTRIBUTING.md']

const diagrams = PAPERS.flatMap((paper) => {
  const text = readFileSync(new URL(`../${paper}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^```mermaid\n(.*?)^```$/gms)].map(([, code = ''], index) => ({
    name: `${paper}, ${recordingOf(code) ?? `picture ${index + 1}`}`,
    code,
  }))
})

describe('diagrams', () => {
  test('are there', () => assert.equal(diagrams.length, 7))

  for (const { name, code } of diagrams) {
    test(`${name} is Mermaid that was seen to be drawn`, () => {
      assert.deepEqual(problemsIn(code), [])
    })
  }
  test('with a mistake would be found', () => {
    const lines = ['  A->B: x', '  A->>C: x', '  Note over A: x; y', '  A-->>B:', '  A ->> B: x']
    const [head, good] = [
      'sequenceDiagram\n  participant A as a\n  participant B as b',
      '  A->>B: x',
    ]
    assert.deepEqual(problemsIn([head, good, ...lines].join('\n')), lines)
    const arrows = ['  a --> c', '  a -> b', '  a -->|x| b', '  d["D']
    const flow = ['flowchart TB', '  a["A"]', '  b(["B"])', '  a -->|"x"| b', ...arrows]
    assert.deepEqual(problemsIn(flow.join('\n')), arrows)
    assert.deepEqual(problemsIn('sequencediagram\n'), ['sequencediagram'])
  })

  for (const { name, code } of diagrams) {
    const recording = recordingOf(code)
    if (recording === undefined) continue
    test(`${name} was recorded like this`, () => {
      const shown = messagesOf(code)
      const all = recorded(recording)
      // It may begin later and end earlier, and leaves nothing out in between.
      const begin = all.findIndex((_message, index) =>
        shown.every((message, offset) => all[index + offset] === message),
      )
      assert.ok(
        shown.length > 3 && begin >= 0,
        `shown:\n${shown.join('\n')}\n\nrecorded:\n${all.join('\n')}`,
      )
    })
  }
})
