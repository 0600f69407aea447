/**
 * `web-apps/apps/api/documents/api.js` of the simulated Docs server: `DocsAPI.DocEditor` with a plain text editor.
 */
export {}
