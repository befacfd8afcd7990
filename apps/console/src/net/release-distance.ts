import type { ReleaseManifest } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { type Factors, type ModuleDistance, moduleDistances } from '../views/adapter-distance.js'
import { matricesIn } from '../views/safetensors.js'
import { blob, isAbort } from './api.js'

/** What is between two releases in the model; `reason` says why that cannot be told. */
export interface ReleaseDistance {
  readonly modules?: readonly ModuleDistance[]
  readonly reason?: string
}

/** Reads the adapters of two releases and holds them against each other, here in the page. */
export function useReleaseDistance(
  from: ReleaseManifest | undefined,
  to: ReleaseManifest | undefined,
): ReleaseDistance {
  const [found, setFound] = useState<ReleaseDistance>({})
  useEffect(() => {
    if (from === undefined || to === undefined) return
    const leave = new AbortController()
    const measure = async () => {
      if (from.base.sha256 !== to.base.sha256)
        return setFound({ reason: 'They are adapters of different models.' })
      try {
        const [first, second] = await Promise.all([from, to].map((one) => factorsOf(one, leave.signal)))
        setFound({ modules: moduleDistances(first as Factors, second as Factors) })
      } catch (error) {
        if (!isAbort(error)) setFound({ reason: (error as Error).message })
      }
    }
    void measure()
    return () => leave.abort()
  }, [from, to])
  return found
}

async function factorsOf({ files, name }: ReleaseManifest, signal: AbortSignal): Promise<Factors> {
  const bytesOf = async (wanted: string) => {
    const file = files.find(({ path }) => path === wanted)
    if (file === undefined) throw new RangeError(`${name} has no ${wanted}`)
    return await blob(file.sha256, signal)
  }
  const [config, weights] = await Promise.all(
    ['adapter_config.json', 'adapter_model.safetensors'].map(bytesOf),
  )
  const { r, lora_alpha, use_rslora, rank_pattern } = JSON.parse(new TextDecoder().decode(config)) as {
    readonly r: number
    readonly lora_alpha: number
    readonly use_rslora?: boolean
    readonly rank_pattern?: Readonly<Record<string, number>>
  }
  if (Object.keys(rank_pattern ?? {}).length > 0)
    throw new RangeError(
      `The modules of ${name} have ranks of their own: lorica releases diff tells what is between them.`,
    )
  return { matrices: matricesIn(weights as ArrayBuffer), scale: lora_alpha / (use_rslora ? Math.sqrt(r) : r) }
}
