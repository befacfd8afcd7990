import type { DataFormat } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

const TOO_LITTLE =
  /holding out expected|expected two tokens or more|expected data, got none|at least one (example|document)/

/**
 * What is wrong with private files, without a word of what is in them: LRC-6001 cannot be read, LRC-6002 too little,
 * LRC-6014 of another form than the run asks for.
 */
export function privateFault(paths: readonly string[], format: DataFormat, cause: Error): LoricaError {
  const files = paths.join(', ')
  if (TOO_LITTLE.test(cause.message)) {
    return new LoricaError('LRC-6002', `${files}: too little data`, {
      expected: 'enough different paragraphs or records to keep a share for evaluation',
      received: 'less',
    })
  }
  const { code } = cause as NodeJS.ErrnoException
  const isForm = code === undefined && format !== 'text'
  const reason = withoutContent(cause.message, paths)
  return new LoricaError(isForm ? 'LRC-6014' : 'LRC-6001', `${files}: ${reason}`, {
    expected: isForm ? `data in the form "${format}"` : 'a file of UTF-8 text',
    received: reason,
  })
}

/** Readers quote what they stumbled over; that is private. */
function withoutContent(message: string, paths: readonly string[]): string {
  const bare = message.replace(/, got [\s\S]*$/, '').replace(/(refuses the conversation):[\s\S]*$/, '$1')
  return paths.reduce((text, path) => text.replace(`${path}: `, '').replace(`${path}:`, 'line '), bare)
}
