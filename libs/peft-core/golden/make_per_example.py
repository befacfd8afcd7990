"""Adds to a golden case what PyTorch + Hugging Face PEFT compute for its examples one by one: the clipped sum of DP-SGD.

    python make_per_example.py CASE_DIR [--clip C]

needs: torch, transformers, peft, safetensors.

CASE_DIR/per-example.safetensors (float32)
  norms                  (rows): the L2 norm of each example's gradient, joint over all factors
  clip                   (1): the bound C, between the least and the greatest norm unless given
  KEY                    for each tensor of the adapter, the sum over the examples of gradient * min(1, C / norm)

The loss of an example is the mean over its own counted labels. Gradients come from torch.func: vmap over grad, or grad
row by row where the model's code cannot be vmapped.
"""
import argparse, json, pathlib
import torch, peft
from safetensors.torch import load_file, save_file
from torch.func import functional_call, grad, vmap
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForImageClassification, AutoModelForMaskedLM

MODEL = {'causal': AutoModelForCausalLM, 'sequence': AutoModelForSequenceClassification,
         'image': AutoModelForImageClassification, 'masked': AutoModelForMaskedLM}


def main():
    p = argparse.ArgumentParser()
    p.add_argument('case', type=pathlib.Path)
    p.add_argument('--clip', type=float)
    a = p.parse_args()
    task = json.loads((a.case / 'expected.json').read_text())['task']
    base = MODEL[task].from_pretrained(a.case / 'model', attn_implementation='eager')
    adapted = peft.PeftModel.from_pretrained(base, a.case / 'adapter', is_trainable=True).eval()
    trained = {n: p.detach() for n, p in adapted.named_parameters() if p.requires_grad}
    frozen = {n: p.detach() for n, p in adapted.named_parameters() if not p.requires_grad} | dict(adapted.named_buffers())
    batch = load_file(a.case / 'batch.safetensors')
    labels = batch.pop('labels').long()

    def loss(factors, inputs, wanted):
        rows = {k: v.unsqueeze(0) for k, v in inputs.items()}
        logits = functional_call(adapted, {**frozen, **factors}, args=(), kwargs=rows).logits[0]
        if task == 'causal':
            logits, wanted = logits[:-1], wanted[1:]
        logits, wanted = logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1)
        each = -torch.log_softmax(logits, -1).gather(1, wanted.clamp(min=0).unsqueeze(1)).squeeze(1)
        counted = (wanted >= 0).float()
        return (each * counted).sum() / counted.sum()

    rows = labels.shape[0]
    try:
        grads = vmap(grad(loss), in_dims=(None, 0, 0))(trained, batch, labels)
    except RuntimeError:  # the code of some encoders looks at values of the mask
        each = [grad(loss)(trained, {k: v[row] for k, v in batch.items()}, labels[row]) for row in range(rows)]
        grads = {n: torch.stack([one[n] for one in each]) for n in trained}
    norms = torch.stack([g.double().reshape(rows, -1).square().sum(1) for g in grads.values()]).sum(0).sqrt()
    clip = a.clip or float((norms.min() * norms.max()).sqrt())
    factors = (clip / norms).clamp(max=1)
    sums = {n.replace('.default', ''): torch.einsum('n,n...->...', factors, g.double()).float().contiguous() for n, g in grads.items()}
    save_file({'norms': norms.float(), 'clip': torch.tensor([clip]), **sums}, a.case / 'per-example.safetensors')
    print(a.case.name, 'norms', norms.tolist(), 'clip', clip, 'tensors', len(sums), 'torch', torch.__version__, 'peft', peft.__version__)


if __name__ == '__main__':
    main()
