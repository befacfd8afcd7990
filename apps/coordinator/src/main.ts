#!/usr/bin/env node
import { asLoricaError } from '@lorica/protocol'
import { parseConfig, usage } from './config.js'
import { startCoordinator } from './coordinator.js'
import { stderrLog } from './log.js'
import { readyLine, readyScreen } from './screen.js'

const log = stderrLog()

async function main(): Promise<number> {
  const config = parseConfig(process.argv.slice(2))
  if (config === 'help') {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  const coordinator = await startCoordinator(config, log)
  process.stdout.write(`${config.json ? readyLine(coordinator) : readyScreen(coordinator, config)}\n`)
  log('stopping', { signal: await stopped })
  await coordinator.close()
  return 0
}

process.on('unhandledRejection', (reason) =>
  log('fault', { stack: (reason as Error)?.stack ?? String(reason) }),
)

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const { code, message, expected, received, action } = asLoricaError(error)
    process.stderr.write(`${code}: ${message}\n  ${action}\n`)
    if (process.argv.includes('--json'))
      process.stdout.write(`${JSON.stringify({ error: { code, message, expected, received, action } })}\n`)
    process.exit(code === 'LRC-8001' ? 2 : 1)
  },
)
