/** What both contracts share: promises that a backend cannot keep are exempted by name, with a reason. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'

/** By the test's name: why it does not apply, and what is tested instead. */
export type Exemptions = Readonly<Record<string, string>>

export interface Contract {
  /** `it`, unless the promise is exempted: then it is listed as skipped, with the reason. */
  it: (name: string, test: (t: TestContext) => Promise<void>) => void
  /** To be called last: an exemption of no test would hide that its test was renamed. */
  end: () => void
}

export function contractOf(exempt: Exemptions = {}): Contract {
  const names = new Set<string>()
  return {
    it(name, test) {
      names.add(name)
      const reason = Object.hasOwn(exempt, name) ? exempt[name] : undefined
      void (reason === undefined ? it(name, test) : it(name, { skip: reason }, test))
    },
    end() {
      void it('exempts only promises that there are', () => {
        assert.deepEqual(
          Object.keys(exempt).filter((name) => !names.has(name)),
          [],
        )
      })
    },
  }
}
