import { readFile } from 'node:fs/promises'
import { LoricaError } from '@lorica/protocol'

/** What a machine allows one process, as far as it tells. */
export interface Room {
  readonly openFiles: number | null // of one process; Node raises its own limit to this
  readonly ports: number | null // that connections to one address may leave from
}

const SPARE_FILES = 512 // of the coordinator: its store, uploads on their way, what Node itself opens
const SPARE_PORTS = 1000 // of other programs

/** Reads the limits of this machine; where it is not Linux, they are not known. */
export async function readRoom(): Promise<Room> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(await text('/proc/self/limits'))?.[1]
  const range = /^(\d+)\s+(\d+)/.exec(await text('/proc/sys/net/ipv4/ip_local_port_range'))
  return {
    openFiles: hard === undefined ? null : Number(hard),
    ports: range === null ? null : Number(range[2]) - Number(range[1]) + 1,
  }
}

/** Throws LoricaError LRC-8006 when `connections` connections and `uploads` open files do not fit. */
export function expectRoom({ openFiles, ports }: Room, connections: number, uploads: number): void {
  const files = connections + uploads + SPARE_FILES
  if (openFiles !== null && openFiles < files) {
    throw new LoricaError('LRC-8006', `${connections} connections need ${files} open files`, {
      expected: `a hard limit of at least ${files} open files`,
      received: `${openFiles}`,
      action: `Run \`ulimit -Hn ${files}\` as root first, or lower --agents.`,
    })
  }
  if (ports !== null && ports < connections + SPARE_PORTS) {
    throw new LoricaError('LRC-8006', `${connections} connections need as many local ports`, {
      expected: `at least ${connections + SPARE_PORTS} ports`,
      received: `${ports}`,
      action: 'Run `sysctl -w net.ipv4.ip_local_port_range="10000 65000"` as root first, or lower --agents.',
    })
  }
}
