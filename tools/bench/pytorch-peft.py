"""The same training step in PyTorch and Hugging Face PEFT, to compare with `lorica bench train`.

    python tools/bench/pytorch-peft.py [--layers 12] [--width 768] [--heads 12] [--vocabulary 8192] [--rank 8]
                                       [--batch 4] [--sequence 128] [--threads 2] [--steps 10]

needs: torch, transformers, peft. A GPT-2 of this shape with random weights, LoRA on c_attn, float32, AdamW, random tokens.
Prints one JSON document: tokensPerSecond and stepMs are of the median step after the warm-up.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

SHAPE = {"layers": 12, "width": 768, "heads": 12, "vocabulary": 8192, "rank": 8, "batch": 4, "sequence": 128, "threads": 2, "steps": 10}
WARM_UP_STEPS = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in SHAPE.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def build_model(shape):
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=shape.vocabulary,
        n_positions=shape.sequence,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        use_cache=False,
    )
    lora = LoraConfig(task_type="CAUSAL_LM", r=shape.rank, lora_alpha=2 * shape.rank, target_modules=["c_attn"], fan_in_fan_out=True)
    return get_peft_model(GPT2LMHeadModel(config), lora).train()


def main():
    shape = arguments()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(shape.threads)
    import peft
    import torch

    torch.set_num_threads(shape.threads)
    torch.manual_seed(7)
    model = build_model(shape)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    tokens = torch.randint(0, shape.vocabulary, (shape.batch, shape.sequence))
    seconds = []
    for step in range(WARM_UP_STEPS + shape.steps):
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=tokens, labels=tokens).loss.backward()
        optimizer.step()
        if step >= WARM_UP_STEPS:
            seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes
    report = {
        "tokensPerSecond": round(shape.batch * shape.sequence / median, 1),
        "stepMs": round(1000 * median, 1),
        "peakRssMB": round(peak / 1e6, 1),
        "torch": torch.__version__,
        "peft": peft.__version__,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
