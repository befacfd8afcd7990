import { Fragment } from 'preact'

/** The name of a module, which may be broken behind its dots where there is no room. */
export function ModuleName({ name }: { readonly name: string }) {
  const parts = name.split('.')
  return (
    <code>
      {parts.map((part, at) => (
        <Fragment key={`${at} ${part}`}>
          {part}
          {at < parts.length - 1 && '.'}
          <wbr />
        </Fragment>
      ))}
    </code>
  )
}
