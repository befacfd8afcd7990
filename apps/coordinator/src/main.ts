#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'
import { asLoricaError } from '@lorica/protocol'
import { threadAggregator } from './aggregation/aggregator.js'
import { logFormatIn, parseConfig, usage } from './config.js'
import { startCoordinator } from './coordinator.js'
import { systemHost } from './host.js'
import { stderrLog } from './log.js'
import { answer } from './records/answer.js'
import { readyLine, readyScreen } from './screen.js'
import { tracerIn } from './watching/tracer.js'

// V8 lets a small heap grow by little before it is marked again, and the buffers of an upload count: once for every 10 MB received.
setFlagsFromString('--heap-growing-percent=200')

const log = stderrLog(logFormatIn(process.argv))
const isLog = logFormatIn(process.argv) === 'json'
const isJson = process.argv.includes('--json')

async function main(): Promise<number> {
  const config = parseConfig(process.argv.slice(2))
  if (config === 'help') {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  if ('verb' in config) {
    const { document, lines, isGood } = await answer(config)
    process.stdout.write(`${isJson ? JSON.stringify(document) : lines.join('\n')}\n`)
    return isGood ? 0 : 1
  }
  const stopped = stopRequest()
  const coordinator = await startCoordinator(config, log, {
    ...systemHost(),
    aggregator: threadAggregator(),
    trace: tracerIn(process.env, log),
  })
  if (config.json) process.stdout.write(`${readyLine(coordinator)}\n`)
  else if (!isLog) process.stdout.write(`${readyScreen(coordinator, config)}\n`) // in a log a token would stay
  const signal = await Promise.race([stopped, coordinator.ended])
  if (typeof signal !== 'string') throw signal
  log('stopping', { signal })
  await coordinator.close()
  return 0
}

/** One Ctrl-C comes from the terminal, and once more from the `lorica` that this process belongs to. */
const ONE_PRESS_MS = 500
/** How long it may then take to stop in order. */
const ORDERLY_MS = 1500

/** Resolves with the first signal to stop; at a second one the process ends at once. */
function stopRequest(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    const ask = (signal: NodeJS.Signals): void => {
      if (askedMs !== undefined && performance.now() - askedMs > ONE_PRESS_MS) process.exit(1)
      if (askedMs !== undefined) setTimeout(() => process.exit(1), ORDERLY_MS)
      askedMs ??= performance.now()
      resolve(signal)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ask)
  })
}

process.on('unhandledRejection', (reason) =>
  log('fault', { stack: (reason as Error)?.stack ?? String(reason) }),
)

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const { code, message, expected, received, action } = asLoricaError(error)
    if (isLog) log('failed', { code, why: message, action })
    else
      process.stderr.write(
        `error ${code}: ${message}\n  to do:    ${action}\n  more:     lorica explain ${code}\n`,
      )
    if (isJson)
      process.stdout.write(`${JSON.stringify({ error: { code, message, expected, received, action } })}\n`)
    process.exit(code === 'LRC-8001' ? 2 : 1)
  },
)
