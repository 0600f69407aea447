/** Counts requests on their way, so that a test on virtual time knows when the sockets are silent. */
export interface Traffic {
  carry: <Result>(request: () => Promise<Result>) => Promise<Result>
  /** Resolves when no more than `held()` requests are on their way and what they set off is done. */
  quiet: (held: () => number) => Promise<void>
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
/** Turns of the event loop in which what a response has set off in memory comes to rest. */
const TURNS = 8

export function countTraffic(): Traffic {
  let onTheirWay = 0
  return {
    async carry(request) {
      onTheirWay += 1
      try {
        return await request()
      } finally {
        onTheirWay -= 1
      }
    },
    async quiet(held) {
      for (let still = 0; still < TURNS; still = onTheirWay > held() ? 0 : still + 1) await turn()
    },
  }
}
