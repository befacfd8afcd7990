"""Adapters of several agents, and what NumPy (in float64) and PEFT make of them together.

    python make_aggregate.py OUT_DIR [--seed N]

needs: numpy, torch, peft, safetensors. Writes a PEFT folder for each agent, of different ranks, alphas, scalings and precisions, and
expected.safetensors: exact.MODULE, the weighted sum of scaling * B A (of an embedding too) in float64; values.MODULE, its singular values;
cat.KEY, the tensors of PEFT's add_weighted_adapter("cat") of the agents in order; svd.MODULE, the change of ("svd") of rank 3;
mean.KEY, the weighted means of the tensors of the agents `twin-…`, which have one rank.
"""
import argparse, json, pathlib
import numpy as np, torch, peft
from safetensors.torch import load_file, save_file

WEIGHTS = {'ann': 0.2, 'bob': 0.5, 'cyd': 0.3}
SETTINGS = {
    'ann': dict(r=4, lora_alpha=8),
    'bob': dict(r=2, lora_alpha=3, use_rslora=True),
    'cyd': dict(r=6, lora_alpha=6, rank_pattern={'layers.1.v': 3}, alpha_pattern={'layers.1.v': 5}),
}
TWINS = {'twin-ann': 3, 'twin-bob': 1, 'twin-cyd': 4}


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q = torch.nn.Linear(24, 16)
        self.v = torch.nn.Linear(16, 24)

    def forward(self, x):
        return self.v(torch.tanh(self.q(x)))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(30, 24)
        self.layers = torch.nn.ModuleList([Layer(), Layer()])

    def forward(self, ids):
        x = self.emb(ids)
        for layer in self.layers:
            x = layer(x)
        return x


def randomised(model):
    for name, parameter in model.named_parameters():
        if 'lora_' in name:
            torch.nn.init.normal_(parameter, std=0.5)


def config(**settings):
    return peft.LoraConfig(target_modules=['q', 'v', 'emb'], **settings)


def saved(name):
    """The key of a parameter of the model in a file."""
    return name.replace('.default', '').replace('.cat', '')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('out', type=pathlib.Path)
    parser.add_argument('--seed', type=int, default=11)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    base = Model()
    expected = {}

    first = next(iter(SETTINGS))
    model = peft.PeftModel(base, config(**SETTINGS[first]), adapter_name=first)
    for name, settings in list(SETTINGS.items())[1:]:
        model.add_adapter(name, config(**settings))
    randomised(model)
    for name in SETTINGS:
        model.set_adapter(name)
        model.save_pretrained(options.out, selected_adapters=[name], save_embedding_layers=False)
    model.add_weighted_adapter(list(WEIGHTS), list(WEIGHTS.values()), 'cat', combination_type='cat')
    model.add_weighted_adapter(list(WEIGHTS), list(WEIGHTS.values()), 'svd', combination_type='svd', svd_rank=3, svd_full_matrices=False)
    for name, parameter in model.named_parameters():
        if '.cat' in name:
            expected['cat.' + saved(name)] = parameter.data.contiguous()
    for path, module in model.base_model.model.named_modules():
        if not isinstance(module, peft.tuners.lora.LoraLayer):
            continue
        exact = 0
        for name, weight in WEIGHTS.items():
            pair = (module.lora_embedding_A, module.lora_embedding_B) if name in module.lora_embedding_A else (module.lora_A, module.lora_B)
            a, b = (getattr(p[name], 'weight', p[name]).detach().double().numpy() for p in pair)
            exact = exact + weight * module.scaling[name] * (b @ a)
        expected['exact.' + path] = torch.from_numpy(np.ascontiguousarray(exact))
        expected['values.' + path] = torch.from_numpy(np.linalg.svd(exact, compute_uv=False))
        change = module.get_delta_weight('svd').detach()
        expected['svd.' + path] = (change.T if path == 'emb' else change).contiguous()

    total = sum(TWINS.values())
    for name, weight in TWINS.items():
        twin = peft.PeftModel(Model(), config(r=3, lora_alpha=7))
        randomised(twin)
        if name == 'twin-bob':
            twin = twin.to(torch.bfloat16)
        twin.save_pretrained(options.out / name, save_embedding_layers=False)
        for key, tensor in load_file(options.out / name / 'adapter_model.safetensors').items():
            expected['mean.' + key] = expected.get('mean.' + key, 0) + weight / total * tensor.double()
    for readme in options.out.glob('**/README.md'):
        readme.unlink()
    save_file(expected, options.out / 'expected.safetensors')


if __name__ == '__main__':
    main()
