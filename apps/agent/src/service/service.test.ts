import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchdPlan } from './launchd.js'
import { argument, scheduledTaskPlan } from './scheduled-task.js'
import { type ServiceOptions, slugOf, xml } from './service.js'
import { systemdPlan } from './systemd.js'

const has = (program: string) => spawnSync(program, ['--version']).status === 0

let folder = ''
let node = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-service-'))
  await mkdir(join(folder, '50% of it & more'))
  node = join(folder, '50% of it & more', 'node$HOME')
  await symlink(process.execPath, node)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const options = (change: Partial<ServiceOptions> = {}): ServiceOptions => ({
  ...{ slug: 'oslo', scope: 'user', user: 'mina', userId: 501, home: '/home/mina' },
  ...{ program: [node, '/opt/a "b" $HOME/main.js'], folder: '/home/mina/agent 100%/d' },
  ...{ reads: ['/data/a b.txt', '/data/50%.jsonl'], usesGpu: false },
  ...change,
})
const valuesIn = (unit: string) =>
  new Map([...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]))

describe('the unit of systemd', () => {
  test('lets the agent write to its folder only, read its data, and take no connection', () => {
    const values = valuesIn(systemdPlan(options()).text)
    expect(values.get('ReadWritePaths')).toBe('"/home/mina/agent 100%%/d"')
    expect(values.get('ReadOnlyPaths')).toBe('"-/data/a b.txt" "-/data/50%%.jsonl"')
    expect(values.get('ExecStart')).toBe(
      `"${folder}/50%% of it & more/node$HOME" "/opt/a \\"b\\" $$HOME/main.js" "start" "--log-format" "json" "--dir" "/home/mina/agent 100%%/d"`,
    )
    expect(Object.fromEntries(values)).toMatchObject({
      ...{ ProtectSystem: 'strict', ProtectHome: 'read-only', NoNewPrivileges: 'yes', PrivateDevices: 'yes' },
      ...{ Restart: 'on-failure', RestartPreventExitStatus: '2 4', OOMPolicy: 'continue', UMask: '0077' },
      ...{ WantedBy: 'default.target', PrivateUsers: 'yes' },
    })
    expect(values.has('MemoryDenyWriteExecute')).toBe(false) // Node ends at once with it
    expect(values.has('User')).toBe(false)
  })

  test('of the machine runs as its user and has no capability; a GPU needs its devices', () => {
    const plan = systemdPlan(options({ scope: 'system', usesGpu: true }))
    const values = Object.fromEntries(valuesIn(plan.text))
    expect(plan.path).toBe('/etc/systemd/system/lorica-agent-oslo.service')
    expect(values).toMatchObject({
      ...{ User: 'mina', CapabilityBoundingSet: '', SocketBindDeny: 'any', PrivateDevices: 'no' },
      ...{ After: 'network-online.target', WantedBy: 'multi-user.target' },
    })
    expect(plan.install).toEqual([
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', 'lorica-agent-oslo.service'],
    ])
  })

  test('does not hide the temporary folders from an agent that lives in one', () => {
    const program = [process.execPath, '/opt/main.js']
    expect(valuesIn(systemdPlan(options({ program })).text).get('PrivateTmp')).toBe('yes')
    const inTmp = systemdPlan(options({ program, folder: '/tmp/agent' }))
    expect(valuesIn(inTmp.text).get('PrivateTmp')).toBe('no')
  })

  test.skipIf(!has('systemd-analyze')).each(['user', 'system'] as const)(
    'of scope %s passes systemd-analyze verify, which finds the program behind its escapes',
    async (scope) => {
      const verified = async (change: (text: string) => string) => {
        const { name, text } = systemdPlan(options({ scope, user: 'root' }))
        const path = join(folder, name)
        await writeFile(path, change(text))
        const { status, stderr } = spawnSync('systemd-analyze', ['verify', `--${scope}`, '--man=no', path], {
          encoding: 'utf8',
          env: { ...process.env, XDG_RUNTIME_DIR: folder },
        })
        return { status, ours: stderr.split('\n').filter((line) => line.includes('lorica-agent')) }
      }
      expect(await verified((text) => text)).toEqual({ status: 0, ours: [] })
      const wrong = await verified((text) => text.replace('50%% of', '51%% of'))
      expect(wrong.ours.join()).toContain('is not executable')
    },
  )

  test('says so when systemd cannot start the program', () => {
    expect(() => systemdPlan(options({ program: ['/opt/"n"/node', '/main.js'] }))).toThrow(
      'systemd cannot start',
    )
  })

  test('cannot hold a path with a line break', () => {
    expect(() => systemdPlan(options({ folder: '/home/a\nExecStartPre=/bin/evil' }))).toThrow(
      'control character',
    )
  })
})

describe('the property list of launchd', () => {
  const python = 'import json,plistlib,sys;print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'
  test.skipIf(!has('python3'))('is read by another parser with the same values', () => {
    const plan = launchdPlan(options({ home: '/Users/mina' }))
    expect(plan.path).toBe('/Users/mina/Library/LaunchAgents/dev.lorica.agent.oslo.plist')
    const read = JSON.parse(execFileSync('python3', ['-c', python], { input: plan.text, encoding: 'utf8' }))
    expect(read).toMatchObject({
      ...{
        Label: 'dev.lorica.agent.oslo',
        RunAtLoad: true,
        KeepAlive: { SuccessfulExit: false },
        Umask: 0o077,
      },
      ProgramArguments: [
        node,
        '/opt/a "b" $HOME/main.js',
        'start',
        '--log-format',
        'json',
        '--dir',
        '/home/mina/agent 100%/d',
      ],
      StandardErrorPath: '/home/mina/agent 100%/d/agent.log',
    })
    expect(read).not.toHaveProperty('UserName')
    expect(plan.install).toEqual([['launchctl', 'bootstrap', 'gui/501', plan.path]])
  })

  test.skipIf(!has('plutil'))('passes plutil', () => {
    execFileSync('plutil', ['-lint', '-'], { input: launchdPlan(options()).text })
  })

  test('of the machine names the user that it runs as', () => {
    const { text, uninstall } = launchdPlan(options({ scope: 'system' }))
    expect(text).toContain('<key>UserName</key>\n  <string>mina</string>')
    expect(uninstall).toEqual([['launchctl', 'bootout', 'system/dev.lorica.agent.oslo']])
  })
})

describe('the task of Windows', () => {
  const program = ['C:\\Program Files\\nodejs\\node.exe', 'C:\\lorica & co\\main.js']
  const windows = (change: Partial<ServiceOptions> = {}) =>
    scheduledTaskPlan(
      options({ program, folder: 'C:\\Users\\mina\\my agent\\', user: 'PC\\mina', ...change }),
    )

  test('runs the agent with words that Windows takes apart as they were', () => {
    const { text, path } = windows()
    expect(text).toContain('<Command>C:\\Program Files\\nodejs\\node.exe</Command>')
    const args = '"C:\\lorica & co\\main.js" start --log-format json --dir "C:\\Users\\mina\\my agent\\\\"'
    expect(text).toContain(`<Arguments>${xml(args)}</Arguments>`)
    expect(path).toBe('C:\\Users\\mina\\my agent\\service.xml')
    expect([argument('plain'), argument('a "b" c'), argument('d e\\"f'), argument('')]).toEqual([
      ...['plain', '"a \\"b\\" c"', '"d e\\\\\\"f"', '""'],
    ])
  })

  test.skipIf(!has('python3'))('is well-formed, restarts after a fault, and has no end', () => {
    const code =
      'import json,sys,xml.etree.ElementTree as t;r=t.fromstring(sys.stdin.read().split("?>",1)[1]);' +
      'print(json.dumps({e.tag.split("}")[1]:(e.text or "").strip() for e in r.iter()}))'
    const read = JSON.parse(
      execFileSync('python3', ['-c', code], { input: windows().text, encoding: 'utf8' }),
    )
    expect(read).toMatchObject({
      ...{ UserId: 'PC\\mina', LogonType: 'InteractiveToken', RunLevel: 'LeastPrivilege' },
      ...{ ExecutionTimeLimit: 'PT0S', Interval: 'PT1M', Count: '999', MultipleInstancesPolicy: 'IgnoreNew' },
    })
    expect(windows({ scope: 'system' }).text).toContain('<BootTrigger>')
  })

  test('refuses a path that Windows would take for a variable', () => {
    expect(() => windows({ folder: 'C:\\%TEMP%\\agent' })).toThrow('%TEMP%')
    expect(() => windows({ folder: 'C:\\50% agent' })).not.toThrow()
  })
})

test('names become parts of file names', () => {
  expect(['Oslo, Lab 3', 'Zürich', '東京', '--'].map(slugOf)).toEqual([
    'oslo-lab-3',
    'zu-rich',
    'agent',
    'agent',
  ])
})
