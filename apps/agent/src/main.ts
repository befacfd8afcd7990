import { asLoricaError, type LoricaError } from '@lorica/protocol'
import { runAgent } from './agent.js'
import { type Config, parseConfig, usage, wantsLog } from './config.js'
import { disclosureLines, statement } from './disclosure.js'
import { examine } from './doctor/examine.js'
import { exitCodeOf as doctorExitCode, findingLines } from './doctor/finding.js'
import { systemHost } from './host.js'
import { jsonReport, serviceLog } from './log.js'
import { leaveFleet } from './membership/leave.js'
import { enter } from './membership/membership.js'
import { rotateKey } from './membership/rotation.js'
import { explained, plainReport, reasonOf, type Tell } from './report.js'
import { installService, planService, uninstallService } from './service/install.js'
import { planLines } from './service/shown.js'
import { serveChampion } from './serving/champion.js'
import { pause, resume } from './site/pause.js'
import { offerPolicy } from './site/policy-file.js'
import { openTraffic } from './site/traffic.js'
import { statusLines, statusOf } from './status.js'
import { keepActivity } from './store/activity.js'
import { readLastEvaluation, readLastUpload } from './store/ledger.js'
import { readSettings } from './store/settings.js'
import { traceIn } from './trace.js'
import { wrapped } from './wrapped.js'

const print = (text: string): void => void process.stdout.write(text)
const host = systemHost()
const { clock } = host
const complain = (text: string): void => void process.stderr.write(text)

const SERVING_PORT = 8000
let privatePaths: readonly string[] = [] // whose names stay out of a log

async function main(args: readonly string[]): Promise<number> {
  const isLog = wantsLog(args)
  const wantsJson = args.includes('--json')
  const lines = { write: print, clock, privatePaths: () => (isLog ? privatePaths : []) } // who typed --json typed the files
  const plain = () => plainReport({ write: print, isTerminal: process.stdout.isTTY === true })
  const tell = isLog ? serviceLog(lines) : wantsJson ? jsonReport(lines) : plain()
  try {
    const config = parseConfig(args)
    if (config.command === 'help') print(usage)
    else if (config.command === 'last-upload') await showLastUpload(config)
    else if (config.command === 'doctor') return await showFindings(config)
    else if (config.command === 'install-service' || config.command === 'uninstall-service')
      await setService(config)
    else if (config.command === 'leave') await leave(config, tell)
    else if (config.command === 'serve') await serve(config, tell)
    else if (config.command === 'rotate')
      tell({ event: 'rotated', ...(await rotateKey(config.folder, host)) })
    else if (config.command === 'status') await showStatus(config)
    else if (config.command === 'pause' || config.command === 'resume') await setPause(config)
    else await work(config, tell)
    return 0
  } catch (error) {
    const known = asLoricaError(error)
    const isFault = known.code === 'LRC-9001' && known.stack !== undefined
    if (isLog) tell({ event: 'failed', ...reasonOf(known), ...(isFault ? { stack: known.stack } : {}) })
    else if (wantsJson) tell({ event: 'failed', ...reasonOf(known) })
    if (!isLog) complain(`error ${explained(reasonOf(known))}\n`)
    if (!isLog && isFault) complain(`${known.stack}\n`)
    return exitCodeOf(known)
  }
}

async function showLastUpload({ folder, json }: Config): Promise<void> {
  const upload = (await readLastUpload(folder)) ?? null
  const evaluation = (await readLastEvaluation(folder)) ?? null
  if (json) return print(`${JSON.stringify({ upload, evaluation })}\n`)
  print(`${[...disclosureLines({ upload, evaluation }), '', ...forScreen(statement)].join('\n')}\n`)
}

async function showStatus({ folder, json }: Config): Promise<void> {
  const status = await statusOf(folder, clock)
  print(json ? `${JSON.stringify(status)}\n` : `${statusLines(status).join('\n')}\n`)
}

async function setService({ command, folder, system, dryRun, json }: Config): Promise<void> {
  const plan = await planService(folder, system ? 'system' : 'user')
  const { name, path, text, install, uninstall, notes } = plan
  const isInstall = command === 'install-service'
  if (!dryRun) await (isInstall ? installService : uninstallService)(plan)
  const commands = isInstall ? install : uninstall
  if (json) return print(`${JSON.stringify({ name, path, text, commands, done: !dryRun })}\n`)
  if (dryRun) return print(`${planLines(plan, commands).join('\n')}\n`)
  const done = isInstall
    ? `${name} is set up and started: ${path}`
    : `${name} is stopped and removed; the folder stays.`
  print(`${[done, ...(isInstall ? notes : [])].join('\n')}\n`)
}

async function showFindings(config: Config): Promise<number> {
  const findings = await examine(config, host)
  const exitCode = doctorExitCode(findings)
  print(
    config.json
      ? `${JSON.stringify({ ok: exitCode === 0, findings })}\n`
      : `${findingLines(findings).join('\n')}\n`,
  )
  return exitCode
}

async function setPause(config: Config): Promise<void> {
  const { command, folder, forMs } = config
  await statusOf(folder, clock) // a folder that no agent joined from is refused
  if (command === 'pause') await pause(folder, forMs, clock.now())
  else await resume(folder)
  await showStatus(config)
}

async function leave({ folder }: Config, tell: Tell): Promise<void> {
  await leaveFleet(folder, host)
  tell({ event: 'left' })
}

async function serve({ folder, port = SERVING_PORT, threads, base }: Config, tell: Tell): Promise<void> {
  const ended = new AbortController()
  void stopRequest().then(() => ended.abort())
  await serveChampion({ folder, port, threads, base, tell, signal: ended.signal })
  tell({ event: 'stopped' })
}

async function work(config: Config, tell: Tell): Promise<void> {
  const asked = stopRequest()
  const settings = await readSettings(config.folder).catch(() => undefined)
  privatePaths = [...config.data, ...(config.data.length === 0 ? (settings?.data ?? []) : [])]
  const isPlain = !config.json && config.logFormat === 'text'
  const membership = await enter(config, host.post, () => {
    if (isPlain) print(`${forScreen(statement).join('\n')}\n`)
  })
  const { agentId, coordinatorId, name } = membership.settings
  if (membership.isNew) tell({ event: 'joined', agentId, coordinatorId, name })
  else if (isPlain)
    print(`Going on as ${name}. What leaves this machine: lorica agent last-upload${dirOf(config)}\n`)
  await offerPolicy(config.folder)
  const traffic = await openTraffic(config.folder, clock)
  const shown = keepActivity(config.folder, clock, tell)
  const trace = traceIn(process.env, agentId, clock.now)
  const told: Tell = (event) => {
    trace?.tell(event)
    shown.tell(event)
  }
  const agent = runAgent({ folder: config.folder, membership, traffic, tell: told, host, trace })
  try {
    await Promise.race([asked, agent.failed])
  } finally {
    await agent.stop()
    await shown.end()
    trace?.tell({ event: 'stopped' })
    await trace?.close()
  }
  tell({ event: 'stopped' })
  if (isPlain) print(`Go on: lorica agent start${dirOf(config)}\n`)
}

const forScreen = (lines: readonly string[]): readonly string[] =>
  wrapped(lines, process.stdout.columns || Number.POSITIVE_INFINITY)
const dirOf = ({ folder }: Config): string => ` --dir '${folder}'`

/** One Ctrl-C comes from the terminal, and once more from the `lorica` that this process belongs to. */
const ONE_PRESS_MS = 500
/** How long it may then take to stop in order. */
const ORDERLY_MS = 1500

/** Resolves at the first Ctrl-C or SIGTERM; at a second one the process ends at once. */
function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    const ask = (): void => {
      if (askedMs !== undefined && performance.now() - askedMs > ONE_PRESS_MS) process.exit(1)
      if (askedMs !== undefined) setTimeout(() => process.exit(1), ORDERLY_MS)
      askedMs ??= performance.now()
      resolve()
    }
    process.on('SIGINT', ask)
    process.on('SIGTERM', ask)
    process.stdout.on('error', ask) // whoever read the events is gone
  })
}

function exitCodeOf({ code }: LoricaError): number {
  if (code === 'LRC-8001') return 2
  if (code === 'LRC-8002') return 5
  if (code === 'LRC-6112') return 4
  if (/^LRC-(3003|5...|6...|7...|8003)$/.test(code)) return 3
  return /^LRC-[12]/.test(code) ? 4 : 1
}

process.exit(await main(process.argv.slice(2)))
