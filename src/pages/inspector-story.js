/**
 * What happened, per document, as the page shows it: items in the order of time and bars from a begin to
 * an end. Knows no DOM.
 */
import {
  callbackWords,
  commandWords,
  failed,
  refusalWords,
  replyWords,
  responseWords,
} from './inspector-words.js'

/**
 * @typedef {import('../inspector/entry.js').Entry} Entry
 * @typedef {'application' | 'package' | 'server'} Lane
 * @typedef {'good' | 'same' | 'bad' | 'plain'} Tone
 *
 * @typedef {object} Item one row: an arrow from lane to lane
 * @property {number} n of its entry
 * @property {number} at ms since the epoch
 * @property {Lane} from
 * @property {Lane} to
 * @property {string} label
 * @property {Tone} tone
 * @property {boolean} refused whether it ends before its lane
 * @property {Entry} entry
 *
 * @typedef {object} Bar a call, or a run of `onSave`
 * @property {'call' | 'save'} kind
 * @property {number} begin the number of the entry that it begins with
 * @property {number | undefined} end the same of its end; undefined: it goes on
 * @property {Tone} tone
 * @property {number} at when it began
 *
 * @typedef {object} Story of one document, or of what belongs to none
 * @property {string} key `''`: belongs to no document
 * @property {string} ref
 * @property {readonly string[] | undefined} users who edit; undefined: no callback has told
 * @property {number} waiting calls under way
 * @property {Item[]} items
 * @property {Bar[]} bars
 * @property {number} last when something happened last
 */

/** @returns {Story} */
const begun = (/** @type {string} */ key) => ({
  ...{ key, ref: '', users: undefined, waiting: 0, items: [], bars: [], last: 0 },
})

export class Stories {
  /** @type {Map<string, Story>} in the order in which they were first heard of */
  all = new Map()
  /** @type {Map<number, Bar>} by the number of the call */
  #calls = new Map()
  /** @type {Map<string, Bar>} by the id of the command */
  #waiting = new Map()
  /** @type {Map<string, Bar>} by the name of the save */
  #saves = new Map()
  /** @type {Map<number, string>} what each command under way was, for its response */
  #commands = new Map()

  /** The newest document first, and last what belongs to none. */
  newest() {
    const stories = [...this.all.values()].reverse()
    return [...stories.filter(({ key }) => key !== ''), ...stories.filter(({ key }) => key === '')]
  }

  /** @param {Entry} entry */
  add(entry) {
    const key = entry.key ?? this.#keyOf(entry)
    let story = this.all.get(key)
    if (story === undefined) this.all.set(key, (story = begun(key)))
    story.last = entry.at
    this.#take(story, entry)
  }

  /**
   * A callback that was not believed came to the address of a file all the same.
   * @param {Entry} entry
   */
  #keyOf(entry) {
    const ref = 'ref' in entry ? entry.ref : undefined
    if (ref === undefined) return ''
    return this.newest().find((story) => story.ref === ref)?.key ?? ''
  }

  /**
   * @param {Story} story
   * @param {Entry} entry
   */
  #take(story, entry) {
    const { n, at } = entry
    /** @type {(from: Lane, to: Lane, label: string, tone?: Tone, refused?: boolean) => void} */
    const item = (from, to, label, tone = 'plain', refused = false) =>
      void story.items.push({ n, at, from, to, label, tone, refused, entry })
    switch (entry.type) {
      case 'call': {
        /** @type {Bar} */
        const bar = { kind: 'call', begin: n, end: undefined, tone: 'plain', at }
        story.bars.push(bar)
        story.waiting += 1
        this.#calls.set(entry.call, bar)
        if (entry.id !== undefined) this.#waiting.set(entry.id, bar)
        return item('application', 'package', `${entry.name}()`)
      }
      case 'call-ended': {
        const bar = this.#calls.get(entry.call)
        this.#calls.delete(entry.call)
        if (bar === undefined) return
        story.waiting -= 1
        // One with a verdict has ended with that.
        if (bar.end !== undefined) return
        bar.end = n
        bar.tone = entry.failure === undefined ? 'plain' : 'bad'
        const { failure, outcome = 'done' } = entry
        return item('package', 'application', failure?.code ?? outcome, bar.tone)
      }
      case 'command':
        this.#commands.set(entry.command, entry.name)
        return item('package', 'server', commandWords(entry))
      case 'response': {
        const name = this.#commands.get(entry.command)
        this.#commands.delete(entry.command)
        const tone = entry.error === null ? 'bad' : 'plain'
        return item('server', 'package', responseWords(entry, name), tone, entry.error === null)
      }
      case 'callback':
        story.ref = entry.ref
        this.#presence(story, entry)
        return item('server', 'package', callbackWords(entry), failed(entry) ? 'bad' : 'plain')
      case 'reply':
        return item('package', 'server', replyWords(entry), entry.error === 0 ? 'plain' : 'bad')
      case 'rejected': {
        const label = `${refusalWords(entry)}: ${entry.reason}`
        return item('server', 'package', label, 'bad', true)
      }
      case 'saving': {
        /** @type {Bar} */
        const bar = { kind: 'save', begin: n, end: undefined, tone: 'plain', at }
        story.bars.push(bar)
        this.#saves.set(entry.save, bar)
        const again = entry.attempt > 1 ? `, attempt ${entry.attempt}` : ''
        return item('package', 'application', `onSave${again}`)
      }
      case 'ran': {
        const { failure } = entry
        const tone = failure === undefined ? 'good' : 'bad'
        this.#endSave(entry.save, n, tone)
        const label = failure === undefined ? 'stored' : `${failure.code}: ${failure.message}`
        return item('application', 'package', label, tone)
      }
      case 'save-failed': {
        const why = entry.permanent ? 'it can never be stored' : 'given up after its retries'
        return item('package', 'package', why, 'bad')
      }
      case 'verdict': {
        const tone = TONES[entry.outcome]
        const bar = this.#waiting.get(entry.id)
        this.#waiting.delete(entry.id)
        if (bar !== undefined) {
          bar.end = n
          bar.tone = tone
        }
        // What the package asked for itself is told to nobody.
        const to = bar === undefined ? 'package' : 'application'
        const mark = tone === 'plain' ? '' : `${MARKS[tone]} `
        const doubt = entry.certain === false ? ', not certain' : ''
        return item('package', to, `${mark}${entry.outcome}${doubt}`, tone)
      }
      case 'late':
        return item('server', 'package', 'a save for a call that has ended already')
    }
  }

  /**
   * @param {string} save
   * @param {number} n
   * @param {Tone} tone
   */
  #endSave(save, n, tone) {
    const bar = this.#saves.get(save)
    if (bar === undefined) return
    bar.end = n
    bar.tone = tone
    this.#saves.delete(save)
  }

  /**
   * @param {Story} story
   * @param {Extract<Entry, { type: 'callback' }>} entry
   */
  #presence(story, { status, body }) {
    const { users, actions } = body
    if (status === 1 && Array.isArray(users)) story.users = users.map(String)
    // The callback of an info tells of nobody who left.
    else if (status === 2 || status === 3 || (status === 4 && Array.isArray(actions))) {
      story.users = []
    }
  }
}

/** @type {Record<Extract<Entry, { type: 'verdict' }>['outcome'], Tone>} */
const TONES = { saved: 'good', unchanged: 'same', failed: 'bad', info: 'plain' }
/** @type {Record<Tone, string>} beside the colour, for those who do not see it */
export const MARKS = { good: '✓', same: '=', bad: '✕', plain: '·' }
