"""Random PEFT folders of several agents, and what PEFT makes of their aggregates.

    python test/aggregate-interop.py make ROOT SEED     agents m0, m1, … (mixed ranks, alphas, rsLoRA, rank patterns) and t0, t1, … (alike)
    python test/aggregate-interop.py check ROOT SEED    loads the folders out-STRATEGY of the agents, and side in them, into PEFT

needs: torch, transformers, peft, safetensors, numpy. `make` prints {"weights"}. `check` prints for each strategy the distance of what PEFT
does with the aggregate from the weighted sum of scaling * B A in float64 ("error", relative), and from the best approximation of its rank
by numpy.linalg.svd ("fromBest").
"""

import copy
import json
import pathlib
import sys

import numpy as np
import peft
import torch
from safetensors.torch import load_file
from transformers.pytorch_utils import Conv1D

command, root, seed = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(seed)
random = np.random.default_rng(seed)
CONV = seed % 2 == 1  # GPT-2's layers, whose weights lie the other way round
TARGETS = ["q_proj", "k", "0", "1"] + ([] if CONV else ["emb"])


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        d = [int(random.integers(5, 40)) for _ in range(4)]
        linear = (lambda i, o: Conv1D(o, i)) if CONV else torch.nn.Linear
        self.emb = torch.nn.Embedding(50, d[0])
        self.a = torch.nn.ModuleDict({"q_proj": linear(d[0], d[1]), "k": linear(d[0], d[2])})
        self.b = torch.nn.ModuleList([linear(d[1] + d[2], d[3]) for _ in range(2)])
        self.head = torch.nn.Linear(2 * d[3], 3)

    def forward(self, ids):
        h = self.emb(ids)
        h = torch.cat([self.a["q_proj"](h), self.a["k"](h)], -1)
        h = torch.cat([layer(h) for layer in self.b], -1)
        return self.head(torch.tanh(h))


base = Model()
count = int(random.integers(3, 6))
weights = [round(float(random.uniform(0.5, 9)), 3) for _ in range(count)]


def make(name, **settings):
    config = peft.LoraConfig(target_modules=TARGETS, fan_in_fan_out=CONV, modules_to_save=["head"], **settings)
    model = peft.get_peft_model(copy.deepcopy(base), config)
    for key, parameter in model.named_parameters():
        if "lora_" in key or "modules_to_save" in key:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(root / name, save_embedding_layers=False)


def load(folder):
    model = peft.PeftModel.from_pretrained(copy.deepcopy(base), str(folder))
    if (folder / "side").exists():
        model.load_adapter(str(folder / "side"), "side")
        model.base_model.set_adapter(["default", "side"])
    return model


def changes(folder):
    """What PEFT adds to the weight of each module, in float64."""
    found = {}
    for path, module in load(folder).base_model.model.named_modules():
        if not isinstance(module, peft.tuners.lora.LoraLayer):
            continue
        total = 0
        for name in module.active_adapters:
            embedding = name in module.lora_embedding_A
            pair = (module.lora_embedding_A, module.lora_embedding_B) if embedding else (module.lora_A, module.lora_B)
            a, b = (getattr(part[name], "weight", part[name]).detach().double().numpy() for part in pair)
            total = total + module.scaling[name] * (b @ a)
        found[path] = total
    return found


def distance(one, other):
    off = sum(np.linalg.norm(one[path] - other[path]) ** 2 for path in other)
    return float(np.sqrt(off / sum(np.linalg.norm(value) ** 2 for value in other.values())))


def best(matrix, rank):
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:rank]


def check():
    report = {}
    for kind, out in [(out.name.split("-")[1], out) for out in sorted(root.glob("out-*"))]:
        agents = [root / f"{kind}{k}" for k in range(count)]
        shares = [weight / sum(weights) for weight in weights]
        each = [changes(agent) for agent in agents]
        exact = {path: sum(share * change[path] for share, change in zip(shares, each)) for path in each[0]}
        found = changes(out)
        ranks = {path: np.linalg.matrix_rank(value, tol=1e-5 * np.linalg.norm(value)) for path, value in found.items()}
        head = lambda folder: load_file(folder / "adapter_model.safetensors")["base_model.model.head.weight"].double().numpy()
        mean = sum(share * head(agent) for share, agent in zip(shares, agents))
        model, ids = load(out), torch.arange(12).reshape(3, 4)
        both = list(model.peft_config)
        outputs = model(ids)
        merged = load(out).merge_and_unload(adapter_names=both)(ids)
        report[out.name.removeprefix("out-")] = {
            "error": distance(found, exact),
            "fromBest": distance(found, {path: best(exact[path], ranks[path]) for path in exact}),
            "head": float(np.abs(head(out) - mean).max()),
            "merged": float((merged - outputs).abs().max()),
        }
    print(json.dumps(report))


if command == "make":
    for k in range(count):
        rank, alpha = int(random.integers(1, 9)), float(round(random.uniform(1, 20), 2))
        patterns = {"rank_pattern": {"k": int(random.integers(1, 6))}, "alpha_pattern": {"b.1": 3}} if k % 2 == 0 else {}
        make(f"m{k}", r=rank, lora_alpha=alpha, use_rslora=bool(random.integers(2)), **patterns)
    for k in range(count):
        make(f"t{k}", r=3, lora_alpha=5)
    print(json.dumps({"weights": weights}))
else:
    check()
