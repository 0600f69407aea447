/** A worker process: it serves nothing and runs `onSave`. */
import { startProgram } from './docs.js'

const { ready } = startProgram()
ready(() => {})
