/**
 * A task of the Windows Task Scheduler, which starts, watches and restarts a program without anything to download.
 * Schema: https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema
 * @module
 */
import { win32 } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { commandOf, expectPlain, type ServiceOptions, type ServicePlan, xml } from './service.js'

/** The task of an agent, and how it is put in and taken out. Throws LRC-8001 for a path that Windows would expand. */
export function scheduledTaskPlan(options: ServiceOptions): ServicePlan {
  const { slug, scope, user, folder } = options
  const [command = '', ...args] = commandOf(options)
  expectPlain([command, ...args])
  for (const text of [command, ...args]) expectNoVariable(text)
  const name = `Lorica agent ${slug}`
  const path = win32.join(folder, 'service.xml')
  const isSystem = scope === 'system'
  const userId = `<UserId>${xml(user)}</UserId>`
  return {
    name,
    path,
    text: [
      '<?xml version="1.0" encoding="UTF-16"?>',
      '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
      '  <RegistrationInfo><Description>Lorica agent: trains with the data of this machine, which stays here</Description></RegistrationInfo>',
      '  <Triggers>',
      isSystem
        ? '    <BootTrigger><Enabled>true</Enabled><Delay>PT30S</Delay></BootTrigger>'
        : `    <LogonTrigger><Enabled>true</Enabled>${userId}</LogonTrigger>`,
      '  </Triggers>',
      '  <Principals>',
      `    <Principal id="Author">${userId}<LogonType>${isSystem ? 'S4U' : 'InteractiveToken'}</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>`,
      '  </Principals>',
      '  <Settings>',
      '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
      '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
      '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
      '    <StartWhenAvailable>true</StartWhenAvailable>',
      '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
      '    <Priority>7</Priority>',
      '    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>',
      '  </Settings>',
      '  <Actions Context="Author">',
      '    <Exec>',
      `      <Command>${xml(command)}</Command>`,
      `      <Arguments>${xml(args.map(argument).join(' '))}</Arguments>`,
      `      <WorkingDirectory>${xml(folder)}</WorkingDirectory>`,
      '    </Exec>',
      '  </Actions>',
      '</Task>\r\n',
    ].join('\r\n'),
    encoding: 'utf16le',
    install: [
      ['schtasks', '/Create', '/TN', name, '/XML', path, '/F'],
      ['schtasks', '/Run', '/TN', name],
    ],
    uninstall: [
      ['schtasks', '/End', '/TN', name],
      ['schtasks', '/Delete', '/TN', name, '/F'],
    ],
    notes: isSystem ? ['run this from an administrator’s prompt'] : [],
  }
}

/** A word as the C runtime of Windows takes a command line apart: backslashes count only before a quote. */
export function argument(text: string): string {
  if (text !== '' && !/[\s"]/.test(text)) return text
  return `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}

function expectNoVariable(text: string): void {
  const [variable] = /%[^%]+%/.exec(text) ?? []
  if (variable === undefined) return
  throw new LoricaError('LRC-8001', `Windows would take ${variable} in ${text} for a variable`, {
    expected: 'a path without two percent signs',
    received: text,
    action: 'Move the folder of the agent to another path.',
  })
}
