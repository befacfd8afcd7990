import { Command } from 'commander'
import { runService } from './service.js'

/** `lorica coordinator`: the service that plans rounds, aggregates and releases. */
export function coordinatorCommand(): Command {
  return new Command('coordinator')
    .description('start the coordinator; the same folder continues where it stopped')
    .option(
      '--dir <folder>',
      'where it keeps its identity, journal, blobs and releases',
      'lorica-coordinator',
    )
    .option('--port <port>', 'port to listen on; 0 takes a free one', '7411')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--json', 'print one line {"url","adminToken","join"} when it is ready')
    .action(async (options: { dir: string; port: string; host: string; json?: boolean }) => {
      const args = ['--dir', options.dir, '--port', options.port, '--host', options.host]
      process.exitCode = await runService('@lorica/coordinator/main', [
        ...args,
        ...(options.json ? ['--json'] : []),
      ])
    })
}
