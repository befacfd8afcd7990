import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LoricaError } from '@lorica/protocol'
import { readSettings } from '../store/settings.js'
import { launchdPlan } from './launchd.js'
import { scheduledTaskPlan } from './scheduled-task.js'
import { type ServiceOptions, type ServicePlan, slugOf } from './service.js'
import { systemdPlan } from './systemd.js'

const plans: Readonly<Partial<Record<NodeJS.Platform, (options: ServiceOptions) => ServicePlan>>> = {
  linux: systemdPlan,
  darwin: launchdPlan,
  win32: scheduledTaskPlan,
}

/** What it takes that this machine starts the agent of a folder. LRC-8001 when no agent joined from it, LRC-8007 elsewhere. */
export async function planService(folder: string, scope: ServiceOptions['scope']): Promise<ServicePlan> {
  const settings = await readSettings(folder)
  if (settings === undefined) {
    throw new LoricaError('LRC-8001', `no agent joined from ${folder}`, {
      expected: 'the folder of an agent; join first',
    })
  }
  const plan = plans[process.platform]
  if (plan === undefined) {
    throw new LoricaError('LRC-8007', `no service can be set up on ${process.platform}`, {
      expected: 'Linux with systemd, macOS or Windows',
      received: process.platform,
      action: 'Have the machine run: lorica agent start --dir with the folder of the agent.',
    })
  }
  const main = fileURLToPath(import.meta.resolve('@lorica/agent/main'))
  const { username, uid } = userInfo()
  return plan({
    ...{ slug: slugOf(settings.name), scope, folder, home: homedir() },
    ...{ user: process.env.SUDO_USER ?? username, userId: uid },
    program: [process.execPath, main],
    reads: [...settings.data, ...(settings.base === undefined ? [] : [settings.base])],
    usesGpu: (settings.engine?.device ?? 'cpu') !== 'cpu',
  })
}

/** Writes the file of a service and has it started. Throws LRC-8007 with the words of the command that failed. */
export async function installService({ path, text, encoding, install }: ServicePlan): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, encoding === 'utf16le' ? `\ufeff${text}` : text, { encoding, mode: 0o644 })
  } catch (cause) {
    throw failed(`${path} cannot be written`, cause)
  }
  for (const command of install) await run(command)
}

/** Has a service stopped and its file removed; the folder of the agent stays. */
export async function uninstallService({ path, uninstall }: ServicePlan): Promise<void> {
  let fault: unknown
  for (const command of uninstall) await run(command).catch((error: unknown) => (fault ??= error))
  await rm(path, { force: true })
  if (fault !== undefined) throw fault
}

async function run([program = '', ...args]: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile(program, args, (error, _, complaint) =>
      error === null
        ? resolve()
        : reject(failed(`${program} ${args.join(' ')}: ${complaint.trim() || error.message}`, error)),
    )
  })
}

function failed(message: string, cause: unknown): LoricaError {
  return new LoricaError('LRC-8007', message, {
    expected: 'the right to set up a service for this user, or for the machine with --system',
    cause,
  })
}
