/**
 * Where on the axis of time each row stands. Rows are never nearer than text needs, seconds show as
 * distance, and an idle while is one short break with its length written in it. Knows no DOM.
 */

/** px */
const ROW = 30
/** The most that time alone moves two rows apart, px. */
const MOST = 70
/** From here on it is a break, ms. */
const IDLE = 10_000
const BREAK = 56

/**
 * @typedef {object} Axis
 * @property {number[]} ys one for each time, px
 * @property {{ y: number, ms: number }[]} breaks
 * @property {number} height px
 */

/**
 * @param {readonly number[]} times ms, in order
 * @param {number} top px
 * @returns {Axis}
 */
export function axisOf(times, top) {
  /** @type {Axis} */
  const axis = { ys: [], breaks: [], height: top }
  let y = top
  let before = times[0] ?? 0
  for (const [index, time] of times.entries()) {
    // A clock may have been set back.
    const ms = Math.max(0, time - before)
    if (index > 0 && ms >= IDLE) {
      axis.breaks.push({ y: y + BREAK / 2, ms })
      y += BREAK
    } else if (index > 0) {
      y += ROW + Math.round(Math.min(MOST, 16 * Math.log10(1 + ms / 50)))
    }
    axis.ys.push(y)
    before = time
  }
  axis.height = y + ROW
  return axis
}
