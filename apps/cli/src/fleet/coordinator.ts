import { Command, Option } from 'commander'
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
    .option('--tls <self>', 'self: encrypt with a certificate that it makes and keeps in its folder')
    .option('--tls-cert <file>', 'encrypt with this certificate (PEM); with --tls-key')
    .option('--tls-key <file>', 'the key of --tls-cert (PEM)')
    .option('--insecure', 'let plain HTTP leave this machine')
    .option('--link-url <url>', 'the address that join links carry (default: where it listens)')
    .option('--address-burst <n>', 'challenges, joins and upgrades at once from one address (default: 200)')
    .option('--store <url>', 'postgres://USER@HOST/DATABASE for the journal (default: in the folder)')
    .option(
      '--store-lease-ms <n>',
      'a second coordinator replaces one that is paused for longer (default: 20000)',
    )
    .option(
      '--upload-budget-mb <n>',
      'million bytes of updates in memory, received and not yet on disk, of all agents (default: 64)',
    )
    .addOption(
      new Option('--log-format <format>', 'how it logs on stderr (default: text)').choices(['text', 'json']),
    )
    .option('--price-kwh <amount>', 'what a kilowatt hour costs: rounds then tell their cost')
    .option('--price-gb <amount>', 'what a gigabyte over the links of agents costs')
    .option('--currency <code>', 'of these prices (default: EUR)')
    .option(
      '--root <file>',
      'begin with this root, which was signed elsewhere: see lorica trust --help (default: make one here)',
    )
    .option('--webhooks <file>', 'JSON file of the webhooks that plans of rollouts may name')
    .option('--json', 'print one line {"url","adminToken","join"} when it is ready')
    .action(async (options: Readonly<Record<string, string | boolean>>) => {
      process.exitCode = await runService('@lorica/coordinator/main', argumentsOf(options))
    })
}

/** Options as the service takes them: `linkUrl` is --link-url, and what is true stands alone. */
function argumentsOf(options: Readonly<Record<string, string | boolean>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return value === true ? [flag] : [flag, String(value)]
  })
}
