/** What a real Docs server does differently from one time to the next, and how it is decided here. */

/**
 * What a real server does on some occasions and not on others (docs-server.md "Seen since"). Each is a
 * probability from 0 (never) to 1 (always), drawn from the `random` option. May be changed at any time.
 */
export interface Chances {
  /** A forcesave that comes at the same moment as an accepted one is answered 3 and not 4 (0). */
  lostRace: number
  /** A forcesave after a refused status 3, with nobody in the document, is answered 0 and not 3 (0). */
  acceptedLate: number
  /** A restarted server sends a forced save that was converting when it went down (1). */
  sentAfterRestart: number
  /** What a restarted server sends of these it sends once more 8 seconds later (0). */
  sentTwice: number
}

/** The same from seed to seed: a chance of 0 or 1 takes no random number. */
export class Dice {
  readonly chances: Chances
  readonly #random: () => number

  constructor(random: () => number, chances: Partial<Chances>) {
    this.#random = random
    this.chances = { lostRace: 0, acceptedLate: 0, sentAfterRestart: 1, sentTwice: 0, ...chances }
  }

  happens(what: keyof Chances): boolean {
    const chance = this.chances[what]
    return chance >= 1 || (chance > 0 && this.#random() < chance)
  }
}
