import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readDocuments, streamDocuments } from './documents.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'documents-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function documentsOf(name: string, content: string | Uint8Array): Promise<readonly string[]> {
  const path = join(folder, name)
  await writeFile(path, content)
  return await readDocuments(path)
}

test('paragraphs are separated by one blank line or more', async () => {
  const text = '\n\nfirst\nparagraph\n\n  \t\nsecond\n\n\n\nthird, without an end'
  expect(await documentsOf('a.txt', text)).toEqual(['first\nparagraph', 'second', 'third, without an end'])
})

test('a byte order mark and Windows line ends leave no trace', async () => {
  expect(await documentsOf('a.txt', '\ufeffone\r\nmore\r\n\r\ntwo\r\n')).toEqual(['one\nmore', 'two'])
  expect(await documentsOf('a.jsonl', '\ufeff{"text":"one\\r\\nmore"}\r\n')).toEqual(['one\nmore'])
})

test('each line of a .jsonl file is a document, and blank lines and other fields are skipped', async () => {
  const lines = '{"text":"a\\n\\nb","id":1}\n\n{"id":2,"text":"naïve 😀"}\n{"text":" "}'
  expect(await documentsOf('a.JSONL', lines)).toEqual(['a\n\nb', 'naïve 😀'])
})

test('text is the same wherever the file is cut into chunks', async () => {
  const paragraph = 'é😀中'.repeat(9000) // 81 kB: characters lie across the 64 kB chunks of a read
  expect(await documentsOf('a.txt', `x${paragraph}\n\nyz${paragraph}`)).toEqual([
    `x${paragraph}`,
    `yz${paragraph}`,
  ])
})

test('a line that is no object with text is refused with its number', async () => {
  await expect(documentsOf('a.jsonl', '{"text":"a"}\n{"txt":"b"}\n')).rejects.toThrow(
    'a.jsonl:2: expected a JSON object with a "text", got {"txt":"b"}',
  )
  await expect(documentsOf('a.jsonl', '{"text":"a"}\n\nnull')).rejects.toThrow('a.jsonl:3:')
  await expect(documentsOf('a.jsonl', '{"text":')).rejects.toThrow('a.jsonl:1:')
})

test('bytes that are no UTF-8 text are refused with their line', async () => {
  await expect(documentsOf('a.txt', Buffer.from('one\ntwo\ncaf\xe9', 'latin1'))).rejects.toThrow(
    'a.txt:3: expected UTF-8 text',
  )
  await expect(documentsOf('b.txt', Buffer.from('one', 'utf16le'))).rejects.toThrow(
    'b.txt:1: expected text, got a zero byte',
  )
})

test('a file without text is refused', async () => {
  await expect(documentsOf('a.txt', ' \n\n')).rejects.toThrow('a.txt: expected text, the file has none')
  await expect(documentsOf('b.jsonl', '')).rejects.toThrow('b.jsonl: expected text, the file has none')
  await expect(readDocuments(join(folder, 'absent.txt'))).rejects.toThrow('absent.txt')
})

test('documents come before the rest of the file is read', async () => {
  const path = join(folder, 'long.txt')
  await writeFile(
    path,
    Buffer.concat([Buffer.from('first\n\n'), Buffer.alloc(300_000, 'x'), Buffer.of(0xff)]),
  )
  const documents = streamDocuments(path)
  expect((await documents.next()).value).toBe('first')
  await expect(documents.next()).rejects.toThrow('long.txt:3: expected UTF-8 text')
})
