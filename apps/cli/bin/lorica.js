#!/usr/bin/env node
/** Starts what the build joined into a few files; file by file when something was compiled since, which takes longer to load. */
import { statSync } from 'node:fs'

const timeOf = (path) => statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs
const compiled = [
  '../dist',
  '../../../libs/protocol/dist',
  '../../../libs/peft-core/dist',
  '../../../libs/privacy/dist',
  '../../../libs/evidence/dist',
  '../../../libs/serving/dist',
].map((folder) => timeOf(`${folder}/.tsbuildinfo`))
const joinedAt = timeOf('../joined/main.js') ?? 0
if (compiled[0] === undefined) {
  process.stderr.write('lorica is not built yet. Run `npm run build` in the repository first.\n')
  process.exit(2)
}
const isFresh = compiled.every((at) => at !== undefined && at <= joinedAt)
await import(isFresh ? '../joined/main.js' : '../dist/main.js')
