/** A web process: a Koa app with the callback route. */
import { createServer } from 'node:http'
import Koa from 'koa'
import { startProgram } from './docs.js'

const { settings, docs, ready } = startProgram()
const app = new Koa()
// Connections that break off are what is tested: Koa need not print each.
app.silent = true
app.use(docs.routes())
const handle = app.callback()
const server = createServer((request, response) => void handle(request, response))
server.listen(settings.port, '127.0.0.1', () => ready(() => server.close()))
