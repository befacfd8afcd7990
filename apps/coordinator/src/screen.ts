import type { Config } from './config.js'
import type { Coordinator } from './coordinator.js'

/** The one line that scripts read: URL, operator token, and the link that agents join with. */
export function readyLine({ url, adminToken, join }: Coordinator): string {
  return JSON.stringify({ url, adminToken, join })
}

/** What a person sees when the coordinator is ready: where it is, and what to type next. */
export function readyScreen(coordinator: Coordinator, { dir, tls }: Pick<Config, 'dir' | 'tls'>): string {
  const { url, join, root, adminToken, coordinatorId, runsToGoOn } = coordinator
  const resumed =
    runsToGoOn === 0
      ? []
      : [`  going on   ${runsToGoOn} ${runsToGoOn === 1 ? 'run' : 'runs'} not finished yet`]
  return [
    '',
    `  Lorica coordinator ${coordinatorId.slice(0, 8)} is ready`,
    '',
    `  listens    ${url}`,
    `  keeps      ${dir}`,
    `  console    ${url}/#token=${adminToken}`,
    '             for you alone: whoever has this address may do everything',
    ...resumed,
    '',
    '  On each machine with data, type:',
    '',
    `    lorica agent join '${join}' --data FILE`,
    '',
    `  The link is valid for 7 days, and names root ${root.version} of this fleet: an agent takes no other.`,
    '  Then, in another terminal of this machine:',
    '',
    ...(tls === 'self' ? [`    export NODE_EXTRA_CA_CERTS='${dir}/tls-cert.pem'`] : []),
    `    export LORICA_URL=${url} LORICA_TOKEN=$(cat '${dir}/admin-token')`,
    '    lorica run start -f run.yaml --wait',
    '',
    '  Ctrl+C stops it; the same command goes on where it stopped.',
    '',
  ].join('\n')
}
