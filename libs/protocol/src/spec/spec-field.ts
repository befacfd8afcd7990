import { z } from 'zod'
import { parseDuration } from './duration.js'
import { parsePercentage } from './percentage.js'
import { parseSelection } from './selection.js'

/** A schema of what `parse` makes of a value; what it throws is what is wrong with the value. */
export const parsedBy =
  <From, To>(parse: (value: From) => To) =>
  (value: From, context: z.RefinementCtx): To => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  }

/** A schema of a text that `expect` does not throw at. */
export const checkedBy = (expect: (text: string) => unknown) =>
  parsedBy((text: string) => {
    expect(text)
    return text
  })

/** A share: a number from 0 to 1, or a text such as 10%. */
export const shareSchema = z.union([z.string(), z.number()]).transform(parsedBy(parsePercentage))
/** Milliseconds of a text such as 30s. */
export const durationSchema = z.string().transform(parsedBy(parseDuration))
/** A condition on what is known of agents, as text. */
export const conditionSchema = z.string().transform(checkedBy(parseSelection))
