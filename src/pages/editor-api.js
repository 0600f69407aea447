/**
 * `web-apps/apps/api/documents/api.js` of the simulated Docs server: `DocsAPI.DocEditor` with a plain text
 * editor. As that of a real one does, it puts a frame of the Docs server in the place of an element, so
 * that the page needs nothing but this script to talk to another origin.
 */
{
  const script = /** @type {HTMLScriptElement} */ (document.currentScript)
  const home = new URL('../../simulated/', script.src)

  /**
   * @typedef {Record<string, ((event: { target: DocEditor, data?: unknown }) => void) | undefined>} Events
   * @typedef {{ width?: string, height?: string, events?: Events }} Config
   */
  class DocEditor {
    #frame = document.createElement('iframe')
    #placeholder
    /** @param {MessageEvent} message */
    #listener = (message) => this.#hear(message)
    #config

    /**
     * @param {string} id of the element that makes place
     * @param {Config} config as `docs.editorConfig()` gives it, and `events`
     */
    constructor(id, config) {
      const placeholder = document.getElementById(id)
      if (placeholder === null) throw new Error(`there is no element with the id ${id}`)
      this.#config = config
      this.#placeholder = placeholder
      this.#frame.name = 'frameEditor'
      this.#frame.title = 'Document editor'
      this.#frame.width = config.width ?? '100%'
      this.#frame.height = config.height ?? '100%'
      this.#frame.src = new URL('editor.html', home).href
      window.addEventListener('message', this.#listener)
      placeholder.replaceWith(this.#frame)
    }

    /** Takes the editor away; whoever edited has left. */
    destroyEditor() {
      window.removeEventListener('message', this.#listener)
      this.#frame.replaceWith(this.#placeholder)
    }

    /** @param {MessageEvent} message */
    #hear({ source, origin, data }) {
      if (source !== this.#frame.contentWindow || origin !== home.origin) return
      const { event, detail } = /** @type {{ event: string, detail?: unknown }} */ (data)
      if (event === 'onAppReady') {
        const { events, ...config } = this.#config
        const canClose = events?.['onRequestClose'] !== undefined
        this.#frame.contentWindow?.postMessage({ config, canClose }, home.origin)
      }
      this.#config.events?.[event]?.({ target: this, data: detail })
    }
  }

  Object.assign(window, { DocsAPI: { DocEditor } })
}
