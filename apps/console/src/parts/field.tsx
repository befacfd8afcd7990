import type { ComponentChildren } from 'preact'

interface FieldProps {
  readonly id: string
  readonly label: string
  readonly hint?: ComponentChildren
  readonly fault?: string | undefined
  readonly value: string
  readonly onValue: (value: string) => void
  readonly list?: readonly string[] // values to choose from
  readonly isNumber?: boolean
}

/** A setting that is typed, and what is wrong with it. */
export function Field({ id, label, hint, fault, value, onValue, list, isNumber = false }: FieldProps) {
  const described = fault !== undefined ? `${id}-fault` : hint !== undefined ? `${id}-hint` : undefined
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        type="text"
        id={id}
        value={value}
        spellcheck={false}
        autocomplete="off"
        inputMode={isNumber ? 'decimal' : 'text'}
        list={list === undefined ? undefined : `${id}-list`}
        aria-invalid={fault !== undefined}
        aria-describedby={described}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
      {list !== undefined && (
        <datalist id={`${id}-list`}>
          {list.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {fault !== undefined ? (
        <span class="wrong" id={`${id}-fault`}>
          {fault}
        </span>
      ) : (
        hint !== undefined && (
          <span class="hint" id={`${id}-hint`}>
            {hint}
          </span>
        )
      )}
    </div>
  )
}
