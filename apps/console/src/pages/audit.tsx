import type { JournalLine, JournalPage } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { get } from '../net/api.js'
import { Awaited } from '../parts/awaited.js'
import { Head } from '../parts/head.js'
import { act } from '../parts/notice.js'
import { count, moment } from '../views/format.js'
import { told } from '../views/journal-text.js'
import { AuditVerify } from './audit-verify.js'

const LINES = 100

/** The journal: every decision, in order. */
export function AuditPage() {
  const answer = useAnswer<JournalPage>(`/journal?lines=${LINES}`, 3000)
  const [older, setOlder] = useState<readonly JournalLine[]>([])
  const [search, setSearch] = useState('')
  const newest = answer.data?.lines ?? []
  const lines = joined(newest, older)
  useEffect(() => {
    const [oldest, next] = [newest.at(-1)?.seq, older[0]?.seq]
    if (oldest !== undefined && next !== undefined && oldest > next + 1) setOlder([]) // lines came faster than they were read
  }, [newest])
  const more = async () => {
    const before = lines.at(-1)?.seq
    await act(async () => {
      const page = await get<JournalPage>(`/journal?lines=${LINES}&before=${before}`)
      setOlder([...lines, ...page.lines])
    }, 'Older lines are below.')
  }
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = lines.filter((line) => {
    if (words.length === 0) return true
    const text = `${line.type} ${told(line).text} ${JSON.stringify(line.fields)}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
  return (
    <>
      <Head
        title="Audit"
        note="Every decision is a line of the journal, and each line carries the hash of the one before: what was changed or cut out shows."
      />
      <AuditVerify />
      <Awaited answer={answer}>
        {({ last }) => (
          <>
            <div class="row spread">
              <input
                type="search"
                aria-label="Search the lines that are shown"
                placeholder="Agent, run, code, words"
                value={search}
                onInput={({ currentTarget }) => setSearch(currentTarget.value)}
              />
              <span class="small soft">
                {count(shown.length)} of {count(last)} lines
              </span>
            </div>
            <section class="panel" aria-label="Journal">
              {shown.map((line) => (
                <Line key={line.seq} line={line} />
              ))}
              {shown.length === 0 && <p class="body soft">No line of those that are shown is like that.</p>}
            </section>
            {(lines.at(-1)?.seq ?? 1) > 1 && (
              <button type="button" onClick={() => void more()}>
                Older lines
              </button>
            )}
          </>
        )}
      </Awaited>
    </>
  )
}

/** The newest lines, and those that were read before and are older. */
function joined(newest: readonly JournalLine[], older: readonly JournalLine[]): readonly JournalLine[] {
  const end = newest.at(-1)?.seq ?? Number.POSITIVE_INFINITY
  return [...newest, ...older.filter(({ seq }) => seq < end)]
}

function Line({ line }: { readonly line: JournalLine }) {
  const { text, tone, link } = told(line)
  return (
    <details class="entry">
      <summary class="line">
        <span class="seq">{line.seq}</span>
        <time class="small soft" datetime={line.at}>
          {moment(line.at)}
        </time>
        <span class={`text ${tone === 'bad' || tone === 'warn' ? tone : ''}`}>{text}</span>
        <code class="faint">{line.type}</code>
      </summary>
      <pre>{JSON.stringify({ hash: line.hash, ...line.fields }, null, 2)}</pre>
      {link !== null && (
        <p class="see">
          <a href={link}>See what it is about</a>
        </p>
      )}
    </details>
  )
}
