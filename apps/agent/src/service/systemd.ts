/**
 * A unit of systemd. Rules of quoting: https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html
 * @module
 */
import { posix } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { commandOf, expectPlain, type ServiceOptions, type ServicePlan } from './service.js'

/** A word of a command line: $ is a variable and % a specifier to systemd, unless they are doubled. */
const word = (text: string): string => quoted(text.replaceAll('$', '$$$$'))

/** A path in a list of paths, which knows specifiers and no variables. */
const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`

const TEMPORARY = ['/tmp/', '/var/tmp/']

/** The unit of an agent, and how it is put in and taken out. */
export function systemdPlan(options: ServiceOptions): ServicePlan {
  const { slug, scope, home, user } = options
  expectPlain([...commandOf(options), ...options.reads])
  expectProgram(options.program[0] ?? '')
  const name = `lorica-agent-${slug}.service`
  const systemctl = scope === 'user' ? ['systemctl', '--user'] : ['systemctl']
  const folder = scope === 'user' ? posix.join(home, '.config/systemd/user') : '/etc/systemd/system'
  const linger = `it starts when ${user} logs in; with the machine after: loginctl enable-linger ${user}`
  return {
    name,
    path: posix.join(folder, name),
    text: `${unitLines(options).join('\n')}\n`,
    encoding: 'utf8',
    install: [
      [...systemctl, 'daemon-reload'],
      [...systemctl, 'enable', '--now', name],
    ],
    uninstall: [[...systemctl, 'disable', '--now', name]],
    notes: [
      ...(scope === 'user' ? [linger] : []),
      `its log: journalctl ${scope === 'user' ? '--user ' : ''}--unit ${name}`,
    ],
  }
}

function unitLines(options: ServiceOptions): readonly string[] {
  const { scope, user, folder, reads, usesGpu } = options
  const [program = '', ...args] = commandOf(options)
  const isSystem = scope === 'system'
  const isTemporary = [folder, ...reads, program, ...args].some((path) =>
    TEMPORARY.some((root) => path.startsWith(root)),
  )
  return [
    '[Unit]',
    'Description=Lorica agent: trains with the data of this machine, which stays here',
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    ...(isSystem ? [`User=${user}`] : []),
    `ExecStart=${[quoted(program), ...args.map(word)].join(' ')}`,
    'Restart=on-failure',
    'RestartSec=10',
    '# Wrong arguments, or the fleet will not have this agent: starting again changes nothing.',
    'RestartPreventExitStatus=2 4',
    'KillMode=mixed',
    'TimeoutStopSec=30',
    '# When memory runs out the training process goes; the agent stays and asks for less.',
    'OOMPolicy=continue',
    'UMask=0077',
    '',
    '# It writes to its own folder only, and its data cannot be changed.',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    `ReadWritePaths=${quoted(folder)}`,
    ...(reads.length === 0 ? [] : [`ReadOnlyPaths=${reads.map((path) => quoted(`-${path}`)).join(' ')}`]),
    `PrivateTmp=${isTemporary ? 'no' : 'yes'}`,
    `PrivateDevices=${usesGpu ? 'no' : 'yes'}`,
    '# It opens connections and takes none.',
    ...(isSystem ? ['SocketBindDeny=any'] : []),
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'NoNewPrivileges=yes',
    // What takes capabilities away fails in a user's own manager, where there are none to take.
    ...(isSystem
      ? ['CapabilityBoundingSet=', 'ProtectClock=yes', 'ProtectKernelLogs=yes', 'ProtectKernelModules=yes']
      : ['PrivateUsers=yes']),
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelTunables=yes',
    'SystemCallArchitectures=native',
    '# Not MemoryDenyWriteExecute: Node compiles to machine code, and ends at once with it.',
    '',
    '[Install]',
    `WantedBy=${isSystem ? 'multi-user' : 'default'}.target`,
  ]
}

/** systemd takes no quotes and no backslash in the path of a program, however they are escaped. */
function expectProgram(path: string): void {
  if (!/["'\\]/.test(path)) return
  throw new LoricaError('LRC-8001', `systemd cannot start ${path}`, {
    expected: 'a path of Node without quotes and backslashes',
    received: path,
  })
}
