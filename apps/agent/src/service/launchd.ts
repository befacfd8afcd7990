/**
 * A property list of launchd (macOS): man launchd.plist.
 * @module
 */
import { posix } from 'node:path'
import { commandOf, expectPlain, type ServiceOptions, type ServicePlan, xml } from './service.js'

/** The property list of an agent, and how it is put in and taken out. */
export function launchdPlan(options: ServiceOptions): ServicePlan {
  const { slug, scope, home, user, userId, folder } = options
  expectPlain([...commandOf(options), ...options.reads])
  const label = `dev.lorica.agent.${slug}`
  const isSystem = scope === 'system'
  const domain = isSystem ? 'system' : `gui/${userId}`
  const root = isSystem ? '/Library/LaunchDaemons' : posix.join(home, 'Library/LaunchAgents')
  const path = posix.join(root, `${label}.plist`)
  const log = posix.join(folder, 'agent.log')
  const entries = [
    entry('Label', string(label)),
    entry(
      'ProgramArguments',
      ['<array>', ...commandOf(options).map((word) => `  ${string(word)}`), '</array>'].join('\n  '),
    ),
    ...(isSystem ? [entry('UserName', string(user))] : []),
    entry('RunAtLoad', '<true/>'),
    entry('KeepAlive', '<dict><key>SuccessfulExit</key><false/></dict>'),
    entry('ThrottleInterval', '<integer>10</integer>'),
    entry('ExitTimeOut', '<integer>30</integer>'),
    entry('ProcessType', string('Background')),
    entry('LowPriorityIO', '<true/>'),
    entry('Umask', '<integer>63</integer>'), // 0077
    entry('WorkingDirectory', string(folder)),
    entry('StandardOutPath', string(log)),
    entry('StandardErrorPath', string(log)),
  ]
  return {
    name: label,
    path,
    text: [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
      '<plist version="1.0">',
      '<dict>',
      ...entries,
      '</dict>',
      '</plist>\n',
    ].join('\n'),
    encoding: 'utf8',
    install: [['launchctl', 'bootstrap', domain, path]],
    uninstall: [['launchctl', 'bootout', `${domain}/${label}`]],
    notes: [`its log: ${log}`],
  }
}

const string = (text: string): string => `<string>${xml(text)}</string>`
const entry = (key: string, value: string): string => `  <key>${key}</key>\n  ${value}`
