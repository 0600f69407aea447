/** The queue of one process. */
import { createMemoryQueue } from '../src/saves/memory-queue.js'
import { testQueue } from './support/queue-contract.js'

testQueue({ name: 'memory', create: createMemoryQueue, ioMs: 0 })
