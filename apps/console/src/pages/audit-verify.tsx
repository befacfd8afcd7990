import { useState } from 'preact/hooks'
import { ApiError, get } from '../net/api.js'
import { CommandLine } from '../parts/command.js'
import { Panel } from '../parts/panel.js'
import { count } from '../views/format.js'

interface Verified {
  readonly lines: number
  readonly hash: string
}

/** Has the coordinator follow the chain of its journal, from the first line on. */
export function AuditVerify() {
  const [isAsked, setAsked] = useState(false)
  const [found, setFound] = useState<Verified | ApiError | null>(null)
  const verify = async () => {
    setAsked(true)
    setFound(await get<Verified>('/journal/verify').catch((error: unknown) => error as ApiError))
    setAsked(false)
  }
  return (
    <Panel title="Is it whole?">
      <div class="stack" aria-live="polite">
        <div class="row spread">
          <span class="soft">
            {found === null
              ? 'The coordinator reads every line again and holds it against the one before.'
              : found instanceof ApiError
                ? `It is not: ${found.told}`
                : `It is: ${count(found.lines)} lines, each follows from the one before.`}
          </span>
          <button type="button" disabled={isAsked} onClick={() => void verify()}>
            {isAsked ? 'Reading…' : 'Verify'}
          </button>
        </div>
        {found !== null && !(found instanceof ApiError) && (
          <div class="stack tight small soft">
            <span>Note the last hash elsewhere; later this says whether anything before it was cut off:</span>
            <CommandLine text={`lorica audit verify --contains ${found.hash}`} />
          </div>
        )}
      </div>
    </Panel>
  )
}
