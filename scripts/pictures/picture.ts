/** A picture of the documentation, by what is done until it can be taken. */
import type { Page } from 'playwright-core'

export interface Picture {
  /** Of the window, in CSS pixels. */
  size: { width: number; height: number }
  /** `open` gives a window of its own; `shoot` takes the picture, while all is still there. */
  take: (open: () => Promise<Page>, shoot: (page: Page) => Promise<void>) => Promise<void>
}
