import { useRef, useState } from 'preact/hooks'

const SHOWN_MS = 2000

/** A line to type in a terminal, or another text to take along. */
export function CommandLine({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const code = useRef<HTMLElement>(null)
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      setTimeout(() => setCopied(false), SHOWN_MS)
    } catch {
      if (code.current !== null) getSelection()?.selectAllChildren(code.current) // plain HTTP: no clipboard; it can be copied by hand
    }
  }
  return (
    <div class="command">
      <code ref={code}>{text}</code>
      <button type="button" class="short" onClick={() => void copy()}>
        {isCopied ? 'Copied' : label}
      </button>
    </div>
  )
}
