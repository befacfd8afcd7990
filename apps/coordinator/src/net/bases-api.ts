import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type BaseView, baseViewSchema } from '@lorica/protocol'
import { z } from 'zod'
import { type Route, route } from '../api/route.js'
import type { Run } from '../runs/run.js'

const MODELS = 'models' // beside where the coordinator was started, as in run files

/** Base models that a run may name: those of earlier runs, and what lies in the folder `models` where the coordinator was started. */
export function basesRoutes(runs: () => readonly Run[]): readonly Route[] {
  return [
    route({
      path: 'GET /api/v1/bases',
      role: 'viewer',
      summary: 'Base models that a run may name: those of earlier runs, and those beside the coordinator',
      answer: z.object({ bases: z.array(baseViewSchema) }),
      act: async () => ({ bases: basesOf(runs(), await modelsIn(resolve(MODELS))) }),
    }),
  ]
}

/** Those of runs, the newest first, then those that no run had yet. */
function basesOf(runs: readonly Run[], found: readonly string[]): readonly BaseView[] {
  const used = new Map<string, BaseView>()
  for (const { base } of runs) {
    const known = used.get(base.path)
    used.delete(base.path)
    used.set(base.path, { path: base.path, name: base.name, runs: (known?.runs ?? 0) + 1 })
  }
  const fresh = found.filter((path) => !used.has(path))
  return [
    ...[...used.values()].toReversed(),
    ...fresh.map((path): BaseView => ({ path, name: basename(path), runs: 0 })),
  ]
}

/** Folders with a config.json, and .onnx files. */
async function modelsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const checked = entries.map(async (entry) => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return path.endsWith('.onnx') ? [path] : []
    const isModel = await stat(join(path, 'config.json')).then(
      (found) => found.isFile(),
      () => false,
    )
    return isModel ? [path] : []
  })
  return (await Promise.all(checked)).flat().toSorted()
}
