import { useEffect, useState } from 'preact/hooks'

interface CodePage {
  readonly title: string
  readonly meaning: string
  readonly action: string
}

/** The page behind an error code; undefined while it is read, and of a code that this version does not know. */
export function useCodePage(code: string): CodePage | undefined {
  const [page, setPage] = useState<CodePage>()
  useEffect(() => {
    void import('@lorica/protocol/codes').then(({ explain }) => setPage(explain(code)))
  }, [code])
  return page
}

/** An error code; what it means shows when it is pointed at. */
export function Code({ code }: { readonly code: string }) {
  const page = useCodePage(code)
  return (
    <code title={page === undefined ? undefined : `${page.title}. ${page.meaning} ${page.action}`}>
      {code}
    </code>
  )
}
