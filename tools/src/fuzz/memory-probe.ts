/**
 * Loaded into a process with `node --import`: tells its parent what it holds in memory, once garbage is collected.
 * @module
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('message', (asked) => {
  for (let turn = 0; turn < 4; turn++) collect()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({ asked, rssBytes: rss, heapBytes: heapUsed, outsideBytes: external })
})
process.channel?.unref()
