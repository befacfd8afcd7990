"""The same training step in PyTorch and Hugging Face PEFT, to compare with `lorica bench train`.

    python tools/bench/pytorch-peft.py '{"family": "qwen2", "layers": 24, ...}'

Takes the `settings` that `lorica bench train --json` prints. Needs: torch, transformers, peft. A model of this shape with
random weights, LoRA on the same modules, AdamW, random tokens; `recompute: blocks` is gradient checkpointing. A `device`
other than cpu means CUDA. `private` is DP-SGD by Opacus, which is needed then. Prints one JSON document: tokensPerSecond and
stepMs are of the median step after the warm-up.
"""

import json
import os
import resource
import statistics
import sys
import time
from types import SimpleNamespace

WARM_UP_STEPS = 3


def gpt2(shape):
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=shape.vocabulary,
            n_positions=shape.sequence,
            n_embd=shape.width,
            n_inner=shape.feedForward,
            n_layer=shape.layers,
            n_head=shape.heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            use_cache=False,
        )
    )


def common(shape):
    return dict(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feedForward,
        max_position_embeddings=shape.sequence,
    )


def qwen2(shape):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        **common(shape), num_key_value_heads=shape.keyValueHeads, tie_word_embeddings=True, use_cache=False
    )
    return Qwen2ForCausalLM(config)


def bert(shape):
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(**common(shape), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return BertForMaskedLM(config)


def build_model(shape):
    import torch
    from peft import LoraConfig, get_peft_model

    torch.set_default_dtype(torch.bfloat16 if shape.element == "bfloat16" else torch.float32)
    base = {"gpt2": gpt2, "qwen2": qwen2, "bert": bert}[shape.family](shape)
    torch.set_default_dtype(torch.float32)
    targets = shape.targets if shape.targets == "all-linear" else shape.targets.split(",")
    task = None if shape.family == "bert" else "CAUSAL_LM"
    lora = LoraConfig(
        task_type=task, r=shape.rank, lora_alpha=2 * shape.rank, target_modules=targets, fan_in_fan_out=shape.family == "gpt2"
    )
    if shape.recompute == "blocks":
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    return get_peft_model(base, lora).train()


def privately(model, optimizer, shape):
    """The same with gradients clipped row by row, and noise on their sum."""
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    return GradSampleModule(model), DPOptimizer(
        optimizer, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=shape.batch
    )


def main():
    shape = SimpleNamespace(**json.loads(sys.argv[1]))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(shape.threads)
    import peft
    import torch

    torch.set_num_threads(shape.threads)
    torch.manual_seed(7)
    device = "cpu" if getattr(shape, "device", "cpu") == "cpu" else "cuda"
    model = build_model(shape).to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    is_private = getattr(shape, "private", False)
    if is_private:
        model, optimizer = privately(model, optimizer, shape)
    tokens = torch.randint(0, shape.vocabulary, (shape.batch, shape.sequence), device=device)
    labels = tokens.clone()
    if shape.family == "bert":  # the words to find: every seventh
        labels[:, [at for at in range(shape.sequence) if at % 7 != 0]] = -100
    seconds = []
    for step in range(WARM_UP_STEPS + shape.steps):
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        if step >= WARM_UP_STEPS:
            seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes
    report = {
        "tokensPerSecond": round(shape.batch * shape.sequence / median, 1),
        "stepMs": round(1000 * median, 1),
        "peakRssMB": round(peak / 2**20, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "peft": peft.__version__,
    }
    if is_private:
        import opacus

        report["opacus"] = opacus.__version__
    print(json.dumps(report))


if __name__ == "__main__":
    main()
