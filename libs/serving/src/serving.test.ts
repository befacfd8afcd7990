import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAdapter, startEngine, writeAdapter } from '@lorica/peft-core'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterOffer } from './models/adapter-offer.js'
import { controlPaths } from './models/control.js'
import { type Serving, startServing } from './serving.js'

const model = fileURLToPath(new URL('../../../models/moby-dick', import.meta.url))
const TEMPLATE = `{% for message in messages %}{{ message.role }}: {{ message.content }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}`

let folder: string
let serving: Serving
let client: OpenAI
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-serving-'))
  await writeFile(join(folder, 'chat.jinja'), TEMPLATE)
  for (const seed of [1, 2]) {
    const spec = { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false } as const
    const { config, tensors } = await createAdapter(model, spec, seed)
    const tuned = new Map(
      [...tensors].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map((value, at) => value + 0.02 * Math.sin(at * (seed + 0.5))) },
      ]),
    )
    await writeAdapter(join(folder, `adapter-${seed}`), { config, tensors: tuned })
  }
  serving = await startServing({
    ...{ model, host: '127.0.0.1', port: 0, kept: 2, maxTexts: 4, maxWaiting: 4 },
    engine: { threads: 1 },
    template: join(folder, 'chat.jinja'),
    paths: (controlled) => controlPaths(model, controlled),
  })
  await serving.shelf.put('tuned', await adapterOffer(model, join(folder, 'adapter-1')))
  client = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(async () => {
  await serving.close()
  await rm(folder, { recursive: true, force: true })
})

const greedy = { model: 'moby-dick', temperature: 0 } as const

async function refusal(asked: Promise<unknown>): Promise<APIError> {
  const error = await asked.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

const admin = async (path: string, body: object): Promise<Response> =>
  fetch(`${serving.url}/admin/adapters${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe("OpenAI's own client", () => {
  it('lists the models', async () => {
    const listed: string[] = []
    for await (const { id } of client.models.list()) listed.push(id)
    expect(listed).toEqual(['moby-dick', 'tuned'])
    expect((await client.models.retrieve('tuned')).id).toBe('tuned')
  })

  it('gets the tokens that the model likes best, whole and in pieces', async () => {
    const whole = await client.completions.create({ ...greedy, prompt: 'Call me', max_tokens: 20 })
    expect(whole.choices[0]?.text).toBe(", and I'll get a pickle-mast-head, and I'") // as transformers generates
    expect(whole.choices[0]?.finish_reason).toBe('length')
    expect(whole.usage).toEqual({ prompt_tokens: 3, completion_tokens: 20, total_tokens: 23 })
    const stream = await client.completions.create({
      ...{
        ...greedy,
        prompt: 'Call me',
        max_tokens: 20,
        stream: true,
        stream_options: { include_usage: true },
      },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text)
    expect(chunks.length).toBeGreaterThan(15)
    expect(chunks.at(-1)?.usage).toEqual(whole.usage)
  })

  it('gets several answers to several prompts, each as if it were asked alone', async () => {
    const prompts = ['The whale', 'It was']
    const seeded = { model: 'tuned', max_tokens: 8, temperature: 1.2, seed: 11 } as const
    const together = await client.completions.create({ ...seeded, prompt: prompts, n: 2 })
    expect(together.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    const alone = await Promise.all(
      prompts.flatMap((prompt) =>
        [11, 12].map((seed) => client.completions.create({ ...seeded, prompt, seed })),
      ),
    )
    expect(together.choices.map(({ text }) => text)).toEqual(alone.map(({ choices }) => choices[0]?.text))
    expect(new Set(together.choices.map(({ text }) => text)).size).toBe(4)
  })

  it('chats', async () => {
    const messages = [{ role: 'user', content: 'Where is the whale?' }] as const
    const asked = { ...greedy, messages: [...messages], max_tokens: 12 }
    const whole = await client.chat.completions.create({ ...asked, logprobs: true, top_logprobs: 2 })
    const [choice] = whole.choices
    const text = await client.completions.create({
      ...greedy,
      prompt: 'user: Where is the whale?\nassistant:',
      max_tokens: 12,
    })
    expect(choice?.message).toMatchObject({ role: 'assistant', content: text.choices[0]?.text })
    expect(choice?.logprobs?.content).toHaveLength(12)
    const [first] = choice?.logprobs?.content ?? []
    expect(first?.top_logprobs[0]?.logprob).toBe(first?.logprob)
    const stream = await client.chat.completions.create({ ...asked, stream: true })
    const deltas = []
    for await (const { choices } of stream) deltas.push(choices[0]?.delta)
    expect(deltas[0]?.role).toBe('assistant')
    expect(deltas.map((delta) => delta?.content ?? '').join('')).toBe(choice?.message.content)
  })

  it('gets a vector for each text, of length 1, that depends on the adapter', async () => {
    const input = ['The whale', 'The white whale', 'I would prefer not to']
    const { data, usage } = await client.embeddings.create({ model: 'moby-dick', input })
    const vectors = data.map(({ embedding }) => embedding)
    const dot = (one: readonly number[], other: readonly number[]): number =>
      one.reduce((sum, value, at) => sum + value * (other[at] as number), 0)
    const [whale, white, not] = vectors as [number[], number[], number[]]
    expect(dot(whale, whale)).toBeCloseTo(1, 5)
    expect(dot(whale, white)).toBeGreaterThan(dot(whale, not))
    const listed = await client.embeddings.create({ model: 'moby-dick', input, encoding_format: 'float' })
    expect(listed.data.map(({ embedding }) => embedding)).toEqual(vectors) // as base64, unless asked otherwise
    expect(usage.prompt_tokens).toBe(listed.usage.total_tokens)
    // the mean of transformers' last hidden state, scaled to length 1
    for (const [at, value] of [-0.02874167, -0.04128071, 0.0898703].entries())
      expect(whale[at]).toBeCloseTo(value, 5)
    const tuned = await client.embeddings.create({ model: 'tuned', input: 'The whale' })
    expect(dot(tuned.data[0]?.embedding ?? [], whale)).toBeLessThan(0.9995)
  })

  it('is told where an answer ends', async () => {
    const asked = { ...greedy, prompt: 'Call me', max_tokens: 20 }
    const stopped = await client.completions.create({ ...asked, stop: ['mast', 'zzz'], echo: true })
    expect(stopped.choices[0]).toMatchObject({
      text: "Call me, and I'll get a pickle-",
      finish_reason: 'stop',
    })
    const echo = await client.completions.create({ ...asked, max_tokens: 0, echo: true })
    expect(echo.choices[0]?.text).toBe('Call me')
  })

  it('is told what is wrong in the way it knows', async () => {
    const unknown = await refusal(client.completions.create({ model: 'gpt-9', prompt: 'x' }))
    expect(unknown).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(unknown.message).toContain('moby-dick, tuned, got "gpt-9"')
    const hot = await refusal(client.completions.create({ ...greedy, prompt: 'x', temperature: 9 }))
    expect(hot).toMatchObject({ status: 400, param: 'temperature', type: 'invalid_request_error' })
    const long = await refusal(client.completions.create({ ...greedy, prompt: 'x', max_tokens: 256 }))
    expect(long).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    const tools = [{ type: 'function', function: { name: 'f' } }] as const
    const asked = { ...greedy, messages: [{ role: 'user', content: 'x' }] as const, tools: [...tools] }
    const tool = await refusal(client.chat.completions.create({ ...asked, messages: [...asked.messages] }))
    expect(tool).toMatchObject({ status: 400, param: 'tools' })
    const many = await refusal(client.completions.create({ ...greedy, prompt: 'x', n: 9 }))
    expect(many).toMatchObject({ status: 429, headers: expect.anything() })
    expect(many.headers?.get('retry-after')).toBe('1')
  })

  it('that goes away frees its places', async () => {
    const controller = new AbortController()
    const asked = { ...greedy, prompt: 'Call me', max_tokens: 200, n: 8, stream: true } as const
    const stream = await client.completions.create(asked, { signal: controller.signal })
    for await (const _ of stream) break
    controller.abort()
    const open = async () =>
      /lorica_open_answers (\d+)/.exec(await (await fetch(`${serving.url}/metrics`)).text())?.[1]
    await expect.poll(open, { timeout: 10_000 }).toBe('0')
    const metrics = await (await fetch(`${serving.url}/metrics`)).text()
    expect(metrics).toContain('lorica_answers_total{model="moby-dick",ending="cancelled"} 8')
  })
})

describe('an adapter under a name', () => {
  it('answers as the engine alone does under it', async () => {
    const { adapter } = await adapterOffer(model, join(folder, 'adapter-1'))
    if (adapter === null) throw new Error('expected an adapter')
    await using alone = await startEngine({ threads: 1 })
    await alone.open({
      model,
      config: adapter.config,
      rows: 1,
      columns: 32,
      trainable: 'adapter',
      purpose: 'logits',
    })
    const asked = { ...greedy, model: 'tuned', prompt: [50, 61, 72], max_tokens: 10, logprobs: 0 }
    const { choices } = await client.completions.create(asked)
    const sampling = { temperature: 0, maxTokens: 10, seed: 1, stopIds: [] }
    const ids = await alone.generate(adapter.tensors, asked.prompt, sampling)
    const base = await client.completions.create({ ...asked, model: 'moby-dick' })
    expect(choices[0]?.logprobs?.tokens).toHaveLength(ids.length)
    expect(choices[0]?.text).not.toBe(base.choices[0]?.text)
  })

  it('is changed between two requests, and back, and none fails', async () => {
    const ask = async () => {
      const { choices, system_fingerprint: version } = await client.completions.create({
        ...greedy,
        model: 'tuned',
        prompt: 'Call me',
        max_tokens: 12,
      })
      return { text: choices[0]?.text, version }
    }
    const before = await ask()
    let goesOn = true
    const asking = (async () => {
      const seen = []
      while (goesOn) seen.push(await ask())
      return seen
    })()
    const changed = await admin('', { name: 'tuned', path: join(folder, 'adapter-2'), version: 'v2' })
    expect(await changed.json()).toMatchObject({
      name: 'tuned',
      version: 'v2',
      before: before.version,
      trial: { isCached: true },
    })
    const after = await ask()
    goesOn = false
    const seen = await asking
    expect(after.version).toBe('v2')
    expect(after.text).not.toBe(before.text)
    for (const one of seen) expect(one).toEqual(one.version === 'v2' ? after : before)
    expect((await admin('/undo', { name: 'tuned' })).status).toBe(200)
    expect(await ask()).toEqual(before)
    expect((await admin('/undo', { name: 'tuned' })).status).toBe(409)
    const refused = await admin('', { name: 'tuned', path: join(folder, 'none') })
    expect(refused.status).toBe(400)
    expect(await ask()).toEqual(before)
  })

  it('gets the requests of a tenant, and a share of them goes to a canary', async () => {
    const post = (body: object) =>
      fetch(`${serving.url}/admin/routing`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const rules = [{ header: 'x-lorica-tenant', value: 'north', model: 'tuned' }]
    expect((await post({ rules: [{ ...rules[0], model: 'none' }] })).status).toBe(400)
    expect((await post({ for: 'moby-dick', rules })).status).toBe(200)
    const asked = { ...greedy, prompt: 'Call me', max_tokens: 1 }
    const routed = await client.completions.create(asked, { headers: { 'x-lorica-tenant': 'north' } })
    expect([routed.model, (await client.completions.create(asked)).model]).toEqual(['tuned', 'moby-dick'])
    await post({ canaries: [{ of: 'moby-dick', model: 'tuned', share: 1 }] })
    expect((await client.completions.create(asked)).model).toBe('tuned')
    await post({})
    expect((await client.completions.create(asked)).model).toBe('moby-dick')
  })
})

describe('the server', () => {
  it('takes no requests that a web page could send, and none of another name', async () => {
    const plain = await fetch(`${serving.url}/v1/completions`, { method: 'POST', body: '{}' })
    expect(plain.status).toBe(415)
    const { port } = new URL(serving.url)
    const status = await new Promise((resolve) => {
      const asked = { port, path: '/v1/models', headers: { host: 'evil.example' } }
      request(asked, ({ statusCode }) => resolve(statusCode)).end()
    })
    expect(status).toBe(403)
  })

  it('does not listen for other machines without a key', async () => {
    await expect(
      startServing({
        ...{ model, host: '0.0.0.0', port: 0, kept: 1, maxTexts: 1, maxWaiting: 0 },
        engine: { threads: 1 },
      }),
    ).rejects.toThrow('expected an API key')
  })
})
