"""Writes generation.json: what transformers generates, greedily, from each model of this folder that has one.

    python make_generation.py

Needs torch, transformers and peft. Every text goes on from a prompt of its own, with the adapter of the folder.
"""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["gemma2-small", "gpt2", "llama", "mixtral-small", "neox-small", "olmo2", "phi-gqa", "qwen3", "smollm3-window", "stablelm-parallel"]
LENGTHS = [3, 14, 29]
TOKENS = 12


def prompt(length, salt):
    return [3 + (at * 73 + 11 * at * at + 29 * salt) % 89 for at in range(length)]


def generated(name):
    model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name, "model"), dtype=torch.float32, attn_implementation="eager")
    model = PeftModel.from_pretrained(model, os.path.join(HERE, name, "adapter")).eval()
    texts = []
    for salt, length in enumerate(LENGTHS):
        ids = prompt(length, salt)
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor([ids]),
                attention_mask=torch.ones(1, length, dtype=torch.long),
                max_new_tokens=TOKENS,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                output_logits=True,
                return_dict_in_generate=True,
            )
        scores = torch.stack(out.logits)[:, 0]
        best = torch.topk(scores, 2, dim=-1).values
        texts.append(
            {
                "prompt": ids,
                "tokens": out.sequences[0, length:].tolist(),
                "logits": [round(value, 6) for value in best[:, 0].tolist()],
                "margin": round((best[:, 0] - best[:, 1]).min().item(), 6),
            }
        )
    return texts


if __name__ == "__main__":
    made = {name: generated(name) for name in NAMES}
    with open(os.path.join(HERE, "generation.json"), "w") as file:
        json.dump(made, file, indent=1)
        file.write("\n")
    for name, texts in made.items():
        print(name, [text["margin"] for text in texts])
