/**
 * How fast transformers generates the same texts from the same folder.
 * @module
 */
import { spawnSync } from 'node:child_process'

export interface GenerationWork {
  readonly model: string
  readonly prompts: readonly (readonly number[])[]
  readonly tokens: number
  readonly turns: number
  readonly threads: number
}

export interface PythonSpeed {
  readonly version: string
  /** For each number of prompts, how long it took at best. */
  readonly seconds: Readonly<Record<string, number>>
}

const SCRIPT = `
import json, os, sys, time
os.environ['HF_HUB_OFFLINE'] = '1'
import torch, transformers
work = json.load(sys.stdin)
torch.set_num_threads(work['threads'])
transformers.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(work['model'], dtype=torch.float32).eval()
def run(batch):
    ids = torch.tensor(work['prompts'][:batch])
    start = time.perf_counter()
    with torch.no_grad():
        model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=work['tokens'],
                       min_new_tokens=work['tokens'], do_sample=False, pad_token_id=0, eos_token_id=None)
    return time.perf_counter() - start
seconds = {}
for batch in work['batches']:
    run(batch)
    seconds[str(batch)] = min(run(batch) for _ in range(work['turns']))
print(json.dumps({'version': transformers.__version__ + ' on torch ' + torch.__version__, 'seconds': seconds}))
`

/** RangeError when the Python given does not run it. */
export function transformersSpeed(
  python: string,
  work: GenerationWork,
  batches: readonly number[],
): PythonSpeed {
  const input = JSON.stringify({ ...work, batches })
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', SCRIPT], { encoding: 'utf8', input })
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PythonSpeed
  const why = error?.message ?? stderr.trim().split('\n').at(-1)
  throw new RangeError(`${python} expected to run torch and transformers, got ${why}`)
}
