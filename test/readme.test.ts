/** The reference keeps its word: its tables are those of the source, and nothing is left out. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import ts from 'typescript'
import { resolveOptions } from '../src/options.js'
import { SECRET } from './support/app.js'
import { namesIn, read, table } from './support/readme.js'

describe('tables', () => {
  /** The members of an interface, or the texts of a union, with what stands behind them. */
  async function members(file: string, type: string): Promise<Map<string, string[]>> {
    const code = await readFile(new URL(`../src/${file}`, import.meta.url), 'utf8')
    const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)
    const named = (member: ts.TypeElement): string => {
      const { name, questionToken } = member
      assert.ok(name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name)))
      return name.text + (questionToken === undefined ? '' : '?')
    }
    for (const statement of source.statements) {
      if (ts.isInterfaceDeclaration(statement) && statement.name.text === type) {
        return new Map(
          statement.members.map((member) => [
            named(member).replace('?', ''),
            ts.isPropertySignature(member) && member.type && ts.isTypeLiteralNode(member.type)
              ? member.type.members.map(named)
              : [],
          ]),
        )
      }
      if (ts.isTypeAliasDeclaration(statement) && statement.name.text === type) {
        assert.ok(ts.isUnionTypeNode(statement.type))
        return new Map(statement.type.types.map((one) => [one.getText().slice(1, -1), []]))
      }
    }
    return assert.fail(`no ${type} in ${file}`)
  }
  const namesOf = async (file: string, type: string): Promise<string[]> => [
    ...(await members(file, type)).keys(),
  ]
  const firstNames = (heading: string): string[] =>
    table(heading).flatMap(([cell]) => namesIn(cell))
  const sorted = (names: string[]): string[] => [...new Set(names)].sort()

  test('every option is in it, and no other', async () => {
    const options = await namesOf('options.ts', 'DocsOptions')
    assert.deepEqual(sorted(firstNames('Options')), sorted(options))
  })

  test('the defaults of the options are those of the code', () => {
    const resolved: Record<string, unknown> = {
      ...resolveOptions({ server: 'http://docs.internal', secret: SECRET, onSave: () => null }),
      allowWeakSecret: false,
    }
    const written = ['required', 'none', 'silent']
    for (const [name, given = ''] of table('Options')) {
      const [option = ''] = namesIn(name)
      if (written.includes(given)) continue
      const value = resolved[option]
      assert.equal(given, `\`${inspect(value)}\``, option)
    }
  })

  test('every error code is in it, and no other', async () => {
    const codes = await namesOf('errors.ts', 'DocsErrorCode')
    assert.deepEqual(sorted(firstNames('Errors')), sorted(codes))
  })

  test('every doubt is in it, and no other', async () => {
    const doubts = await namesOf('settlement/state.ts', 'Doubt')
    assert.deepEqual(sorted(firstNames('Doubts')), sorted(doubts))
  })

  test('every code of a refused callback is in it, and no other', async () => {
    const codes = await namesOf('protocol/reject-code.ts', 'RejectCode')
    const written = table('Refused callbacks').flatMap(([code]) => namesIn(code))
    assert.deepEqual(sorted(written), sorted(codes))
  })

  test('every event is in it with all that it tells, and no other', async () => {
    const written = table('Events').map(([name, , fields]) => [
      namesIn(name)[0],
      namesIn(fields)[0]?.split(', '),
    ])
    assert.deepEqual(written, [...(await members('events.ts', 'DocsEvents'))])
  })

  test('every call is there, and no other', async () => {
    const named = await namesOf('api.ts', 'Docs')
    const calls = firstNames('Calls').map((call) => call.replace(/[.(].*$/s, ''))
    const others = [
      'callbackUrl',
      'editorConfig',
      'history',
      'on',
      'stats',
      'routes',
      'callback',
      'receive',
      'inspector',
    ]
    assert.deepEqual(sorted([...calls, ...others]), sorted(named))
  })

  test('everything in `save` is named', async () => {
    const named = await namesOf('saves/save.ts', 'Save')
    const [, section = ''] = read('docs/reference.md').split('\n`save` has ')
    const [paragraph = ''] = section.split('\n\n')
    for (const name of named) assert.match(paragraph, new RegExp(`\`${name}[\`(]`))
  })
})

/** A value as it is written in the reference. */
function inspect(value: unknown): string {
  // The one option with a function as its default.
  if (typeof value === 'function') return `() => ${inspect((value as () => unknown)())}`
  if (Array.isArray(value)) return `[${value.map(inspect).join(', ')}]`
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${inspect(field)}`)
  return `{ ${fields.join(', ')} }`
}
