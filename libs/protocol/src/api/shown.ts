import type { z } from 'zod'

/** What an answer of a schema holds, for those who read it: nothing in it can be changed. */
export type Shown<Schema extends z.ZodType> = Unchangeable<z.output<Schema>>

type Unchangeable<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Unchangeable<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Unchangeable<T[Key]> }
      : T
