import type { Facts, Hello } from '@lorica/protocol'

/** What an agent said of itself when it joined and when it connected. */
export interface Described {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly hello?: Pick<Hello, 'device'> & Partial<Pick<Hello, 'dataset' | 'protocol'>>
}

const GIB = 2 ** 30

/** What is known of an agent, by the names that the condition `rounds.where` of a run uses. Memory is in GiB, to a tenth. */
export function factsOf({ name, labels = {}, hello }: Described): Facts {
  const device = hello?.device
  const inGiB = (bytes: number | undefined) =>
    bytes === undefined ? undefined : Math.round((10 * bytes) / GIB) / 10
  return {
    name,
    device: device?.kind,
    threads: device?.threads,
    memoryGiB: inGiB(device?.memoryBytes),
    documents: hello?.dataset?.documents,
    'gpu.name': device?.gpu?.name,
    'gpu.vramGiB': inGiB(device?.gpu?.memoryBytes),
    ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [`label.${key}`, value])),
  }
}
