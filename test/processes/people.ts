/** Those who edit the documents, and what a checker has to know about them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Editor } from '../../src/testing/index.js'
import type { Town } from './town.js'

/** What a result that is not certain may not know of. Times in ms since the epoch. */
export interface Surroundings {
  /** When a button or a timer has saved last. */
  strangersSaved: number
  /** When somebody opened the document last. */
  joined: number
  /** Nobody has it open: a final save may be under way. */
  haveLeft: boolean
}

export interface People {
  /** `loading`: how long it takes until the editor can be typed into, ms. */
  open: (key: string, loading?: number) => Promise<void>
  /** Somebody types, if anybody is there. */
  type: (key: string) => void
  /** Somebody presses the save button, or the Docs server's timer saves. */
  press: (key: string) => void
  /** One of several leaves, or loses the connection; the last one stays. */
  thinOut: (key: string) => void
  leave: (key: string) => Promise<void>
  around: (key: string) => Surroundings
}

export function createPeople(town: Town): People {
  const editors = new Map<string, Editor[]>()
  const strangers = new Map<string, number>()
  const joins = new Map<string, number>()
  let count = 0

  function present(key: string): Editor[] {
    const connected = (editors.get(key) ?? []).filter((editor) => editor.connected)
    editors.set(key, connected)
    return connected
  }

  function anyOf(key: string): Editor | undefined {
    const there = present(key)
    return there[Math.floor(Math.random() * there.length)]
  }

  return {
    async open(key, loading = 0) {
      count += 1
      joins.set(key, Date.now())
      const user = `u${count}`
      const editor = await town.server.open(key, { user, callbackUrl: town.callbackUrl(key) })
      await sleep(loading)
      editors.set(key, [...present(key), editor])
    },
    type: (key) => void anyOf(key)?.type('more'),
    press(key) {
      const editor = anyOf(key)
      if (editor === undefined) return
      strangers.set(key, Date.now())
      if (Math.random() < 0.5) editor.saveButton()
      else town.server.timerSave(key)
    },
    thinOut(key) {
      const [first, second] = present(key)
      if (first === undefined || second === undefined) return
      if (Math.random() < 0.5) first.vanish()
      else void first.close()
    },
    async leave(key) {
      const there = present(key)
      const lost = Math.random() < 0.2
      for (const editor of there) {
        if (lost) editor.vanish()
        else await editor.close()
      }
    },
    around: (key) => ({
      strangersSaved: strangers.get(key) ?? 0,
      joined: joins.get(key) ?? 0,
      haveLeft: present(key).length === 0,
    }),
  }
}
