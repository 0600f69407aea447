/** The pages. What they look like is in `pages/app.css`, what they do in `pages/app.js`. */
import { latest, type StoredFile, type Version } from './files.js'
import { html, type Html } from './html.js'
import type { User } from './user.js'

interface Page {
  title: string
  user: User
  content: Html
  /** Further scripts, by address. */
  scripts?: string[]
}

function page({ title, user, content, scripts = [] }: Page): string {
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – Storage app</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/assets/app.css" />
        ${scripts.map((script) => html`<script src="${script}"></script>`)}
        <script type="module" src="/assets/app.js"></script>
      </head>
      <body>
        <header class="top">
          <a class="home" href="/">Storage app</a>
          <span class="me">You are <b>${user.name}</b></span>
        </header>
        ${content}
      </body>
    </html>`
  return text
}

export function listPage(files: StoredFile[], user: User): string {
  const content = html`<main class="list">
    <h1>Documents</h1>
    <ul class="files">
      ${files.map(
        (file) =>
          html`<li>
            <a href="/files/${file.id}">${file.name}</a>
            <span class="quiet">
              ${file.type.toUpperCase()}, version ${latest(file).number},
              ${time(latest(file).savedAt)}
            </span>
          </li>`,
      )}
    </ul>
    <form class="name" method="post" action="/name">
      <label for="name">Your name</label>
      <input id="name" name="name" value="${user.name}" maxlength="40" required />
      <button>Change</button>
    </form>
  </main>`
  return page({ title: 'Documents', user, content })
}

export function filePage(file: StoredFile, user: User, docsPublicUrl: string): string {
  const content = html`<main class="file" id="file" data-id="${file.id}">
    <div class="bar">
      <h1>${file.name}</h1>
      <div class="actions">
        <button type="button" id="save">Save now</button>
        <button type="button" id="download" class="main">Download latest</button>
      </div>
      <p id="away" role="alert" hidden>
        This application does not answer; it may be restarting. You can go on typing: the Docs
        server keeps what you type.
      </p>
      <div id="verdict" class="verdict" role="status">
        <p>Version ${latest(file).number} is stored, of ${time(latest(file).savedAt)}.</p>
      </div>
    </div>
    <section class="editor" aria-label="Editor"><div id="placeholder"></div></section>
    ${versionList(file)}
  </main>`
  const scripts = [`${docsPublicUrl}/web-apps/apps/api/documents/api.js`]
  return page({ title: file.name, user, content, scripts })
}

function versionList(file: StoredFile): Html {
  return html`<section class="versions" id="versions" aria-labelledby="versions-title">
    <h2 id="versions-title">Versions</h2>
    <ol reversed>
      ${file.versions.toReversed().map((version) => versionItem(file, version))}
    </ol>
  </section>`
}

function versionItem(file: StoredFile, version: Version): Html {
  const authors = version.authors.map(
    ({ name, at }) => html`<li>${name}${at === undefined ? '' : html`, ${time(at)}`}</li>`,
  )
  return html`<li value="${version.number}">
    <a href="${versionPath(file, version)}" download>Version ${version.number}</a>
    <span class="quiet">${time(version.savedAt)}</span>
    ${
      authors.length > 0
        ? html`<ul class="authors">
            ${authors}
          </ul>`
        : html`<p class="quiet">As it was installed</p>`
    }
    <p class="quiet">${TRIGGERS.get(version.trigger ?? '') ?? ''}</p>
  </li>`
}

const TRIGGERS = new Map([
  ['command', 'Saved on request'],
  ['button', "Saved with the editor's button"],
  ['timer', 'Saved by the Docs server now and then'],
  ['form', 'Saved as a form was submitted'],
  ['close', 'Saved when the last editor left'],
  ['forgotten', 'Recovered from the Docs server'],
])

export const versionPath = ({ id }: StoredFile, { number }: Version): string =>
  `/files/${id}/versions/${number}`

/** In UTC until the page's script, which knows the time zone, has seen it. */
function time(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}
