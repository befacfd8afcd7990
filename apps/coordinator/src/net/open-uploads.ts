import type { UpdateOpen } from '@lorica/protocol'
import type { ActiveRun } from '../rounds/active-run.js'
import type { StagedCheck } from '../rounds/intake.js'
import { openSeats } from '../runs/open-seats.js'
import type { StagedUpload } from '../store/staging.js'

/** An update on its way in. */
export interface Upload {
  readonly uploadId: string
  readonly agentId: string
  readonly offer: UpdateOpen
  readonly staged: StagedUpload
  readonly check: StagedCheck // of what has come
  readonly active: ActiveRun
  readonly round: number // of its assignment
}

/** The updates that are on their way in, by the ids of their uploads. */
export interface OpenUploads {
  get(uploadId: string): Promise<Upload> | undefined
  /** The uploads of an agent that are open; one that could not be opened is none. */
  of(agentId: string): Promise<readonly Upload[]>
  /** Opens one, unless it is open. */
  begin(uploadId: string, open: () => Promise<Upload>): Promise<Upload>
  /** Lets go of one: its file is removed, or kept to be resumed. */
  forget(upload: Upload, how: 'drop' | 'park'): Promise<void>
}

/** None is open. */
export function createOpenUploads(): OpenUploads {
  const uploads = new Map<string, Promise<Upload>>()
  return {
    get: (uploadId) => uploads.get(uploadId),
    async of(agentId) {
      const settled = await Promise.allSettled([...uploads.values()])
      const opened = settled.flatMap((upload) => (upload.status === 'fulfilled' ? [upload.value] : []))
      return opened.filter((upload) => upload.agentId === agentId)
    },
    begin(uploadId, open) {
      const known = uploads.get(uploadId)
      if (known !== undefined) return known
      const opening = open()
      uploads.set(uploadId, opening)
      opening.catch(() => uploads.delete(uploadId))
      return opening
    },
    async forget(upload, how) {
      uploads.delete(upload.uploadId)
      await upload.staged[how]()
    },
  }
}

/** Whether a round still waits for an upload. */
export function isOpen({ active, agentId, offer }: Upload): boolean {
  const open = openSeats(active.run(), agentId)
  const seat = open?.seats.get(agentId)
  return open?.isClosed === false && seat?.status === 'training' && seat.assignmentId === offer.assignmentId
}
