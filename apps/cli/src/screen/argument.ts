/**
 * Values from the command line, checked.
 * @module
 */
import { LoricaError } from '@lorica/protocol'
import { InvalidArgumentError } from 'commander'

function number(text: string, expected: string, fits: (value: number) => boolean): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || !fits(value))
    throw new InvalidArgumentError(`expected ${expected}, got "${text}"`)
  return value
}

export const positiveInteger = (text: string): number =>
  number(text, 'a whole number of at least 1', (value) => Number.isInteger(value) && value >= 1)
/** Threads of an engine; thousands of them would only wait for each other. */
export const threadCount = (text: string): number =>
  number(
    text,
    'a whole number from 1 to 256',
    (value) => Number.isInteger(value) && value >= 1 && value <= 256,
  )
export const wholeNumber = (text: string): number =>
  number(text, 'a whole number of at least 0', (value) => Number.isInteger(value) && value >= 0)
export const positiveNumber = (text: string): number => number(text, 'a number above 0', (value) => value > 0)
export const nonNegativeNumber = (text: string): number =>
  number(text, 'a number of at least 0', (value) => value >= 0)

/** `10%` or `0.1` as a fraction from 0 up to, and without, 1. */
export function fraction(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError(`expected a share such as 10% or 0.1, got "${text}"`)
  return value
}

/** `99%` or `0.99` as a fraction above 0, up to 1. */
export function positiveShare(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text.trim() === '' || !(value > 0 && value <= 1))
    throw new InvalidArgumentError(`expected a share such as 99% or 0.99, got "${text}"`)
  return value
}

/** A number between 0 and 1, and neither. */
export const probability = (text: string): number =>
  number(text, 'a number above 0 and below 1', (value) => value > 0 && value < 1)

/** `name=value`, given again and again, as the values by name. */
export function byName<T>(
  read: (text: string) => T,
): (text: string, so?: Readonly<Record<string, T>>) => Readonly<Record<string, T>> {
  return (text, so = {}) => {
    const at = text.lastIndexOf('=')
    if (at < 1) throw new InvalidArgumentError(`expected a name and a value such as q_proj=4, got "${text}"`)
    return { ...so, [text.slice(0, at)]: read(text.slice(at + 1)) }
  }
}

/** The value of an option that must be there. */
export function needed<T>(value: T | undefined, option: string): T {
  if (value === undefined) {
    throw new LoricaError('LRC-8001', `${option} is missing`, { expected: option, received: 'nothing' })
  }
  return value
}
