import { afterAll } from 'vitest'
import { endChildren } from './child.js'

// Of every file, after its own hooks: what it left running does not slow down the files that follow.
afterAll(endChildren)
