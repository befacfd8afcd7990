import { join } from 'node:path'
import { LoricaError, labelsSchema } from '@lorica/protocol'
import { z } from 'zod'
import { engineChoiceSchema } from '../engine/engine-choice.js'
import { readJson, writeJson } from './folder.js'

const settingsSchema = z.strictObject({
  schema: z.literal(1),
  url: z.string().min(1),
  agentId: z.string().regex(/^[0-9a-f]{32}$/),
  coordinatorId: z.string().regex(/^[0-9a-f]{32}$/),
  coordinatorPublicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/), // pinned when this agent joined
  name: z.string().min(1),
  labels: labelsSchema,
  data: z.array(z.string().min(1)).min(1), // absolute paths; the files are read, never copied
  base: z.string().min(1).optional(), // absolute path of a base that is already on this machine
  threads: z.int().min(1).optional(),
  root: z // the root that its join link named; absent: the first that the coordinator showed was believed
    .strictObject({ version: z.int().min(1), fingerprint: z.string().regex(/^[A-Za-z0-9_-]{43}$/) })
    .optional(),
  isRotated: z.boolean().optional(), // whether the key is not the one that it joined with
  insecure: z.boolean().optional(), // whether its owner lets plain HTTP leave this machine
  engine: engineChoiceSchema.optional(), // onnxruntime on the processor when absent
})

/** What an agent keeps between starts, in `agent.json` of its folder. The private key is in a file of its own. */
export type Settings = Readonly<z.infer<typeof settingsSchema>>

const FILE = 'agent.json'

/** The settings of a folder, or undefined when no agent joined from it. Throws LRC-8003 when the file is damaged. */
export async function readSettings(folder: string): Promise<Settings | undefined> {
  const stored = await readJson(join(folder, FILE))
  if (stored === undefined) return undefined
  const parsed = settingsSchema.safeParse(stored)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new LoricaError('LRC-8003', `${join(folder, FILE)}: "${issue?.path.join('.')}": ${issue?.message}`, {
    expected: 'the settings that this agent wrote',
    action: 'Restore the file, or join again into an empty folder with a new link.',
  })
}

/** Keeps the settings. */
export async function writeSettings(folder: string, settings: Settings): Promise<void> {
  await writeJson(join(folder, FILE), settings, { isDurable: true })
}
