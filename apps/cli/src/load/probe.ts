/**
 * Loaded into a process that is measured, with `node --import`: answers its parent with what the process uses.
 * @module
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { usageNow } from './usage.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('message', (question: { readonly id: number; readonly collect?: boolean }) => {
  if (question.collect === true) for (let turn = 0; turn < 3; turn++) collect()
  process.send?.({ id: question.id, result: usageNow() })
})
process.channel?.unref()
