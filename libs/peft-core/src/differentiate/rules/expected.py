"""Gradients of single operators as PyTorch computes them, in float64: writes expected.json beside this file.

    python expected.py

A case is one ONNX node: its attributes, its inputs, and for each output what the loss multiplies it with before summing.
`outputs` and `gradients` are PyTorch's; a gradient is null for an input that is not differentiated.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
cases = []


def normal(*shape):
    return (torch.randn(shape) * 1.3).round(decimals=3)


def positive(*shape):
    return (torch.rand(shape) * 2 + 0.4).round(decimals=3)


def integers(*values, shape=None):
    return torch.tensor(values, dtype=torch.int64).reshape(shape or (len(values),))


def attribute(value):
    if isinstance(value, list):
        return {"kind": "ints", "value": value}
    if isinstance(value, str):
        return {"kind": "string", "value": value}
    return {"kind": "float" if isinstance(value, float) else "int", "value": value}


def tensor(x):
    element = {torch.float64: "float64", torch.int64: "int64", torch.bool: "bool", torch.uint8: "uint8"}[x.dtype]
    data = [float(f"{v:.13g}") for v in x.detach().double().flatten().tolist()]
    return {"element": element, "shape": list(x.shape), "data": data}


def case(op, inputs, compute, name=None, domain="", unused=(), frozen=(), **attributes):
    """`compute` is the operator in PyTorch. Floating inputs are differentiated unless `frozen`."""
    leaves = [
        x.clone().requires_grad_() if x is not None and x.is_floating_point() and i not in frozen else x
        for i, x in enumerate(inputs)
    ]
    outputs = compute(*leaves)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    upstream = [None if i in unused else normal(*y.shape) for i, y in enumerate(outputs)]
    sum((y * g).sum() for y, g in zip(outputs, upstream) if g is not None).backward()
    cases.append({
        "name": name or op,
        "op": op,
        "domain": domain,
        "attributes": {k: attribute(v) for k, v in attributes.items()},
        "inputs": [None if x is None else tensor(x) for x in leaves],
        "outputs": [tensor(y) for y in outputs],
        "upstream": [None if g is None else tensor(g) for g in upstream],
        "gradients": [
            tensor(x.grad) if x is not None and x.requires_grad else None for x in leaves
        ],
    })


MS = "com.microsoft"

# products
case("MatMul", [normal(3, 4), normal(4, 2)], torch.matmul)
case("MatMul", [normal(2, 3, 4), normal(4, 5)], torch.matmul, "MatMul of a batch and one matrix")
case("MatMul", [normal(2, 1, 3, 4), normal(3, 4, 2)], torch.matmul, "MatMul of batches that broadcast")
case("MatMul", [normal(3, 4), normal(2, 4, 2)], torch.matmul, "MatMul of one matrix and a batch")
case("MatMul", [normal(4), normal(2, 4, 3)], torch.matmul, "MatMul of a vector and a batch")
case("MatMul", [normal(2, 3, 4), normal(4)], torch.matmul, "MatMul of a batch and a vector")
case("MatMul", [normal(4), normal(4)], torch.matmul, "MatMul of two vectors")
t = lambda x, flag: x.transpose(-1, -2) if flag else x
for ta in (0, 1):
    for tb in (0, 1):
        a = normal(4, 3) if ta else normal(3, 4)
        b = normal(2, 4) if tb else normal(4, 2)
        case("Gemm", [a, b, normal(2)], lambda a, b, c, ta=ta, tb=tb: 0.7 * t(a, ta) @ t(b, tb) - 1.5 * c,
             f"Gemm transA={ta} transB={tb}", transA=ta, transB=tb, alpha=0.7, beta=-1.5)
        a = normal(2, 4, 3) if ta else normal(2, 3, 4)
        b = normal(2, 4) if tb else normal(4, 2)
        case("FusedMatMul", [a, b], lambda a, b, ta=ta, tb=tb: 0.3 * t(a, ta) @ t(b, tb),
             f"FusedMatMul transA={ta} transB={tb}", MS, transA=ta, transB=tb, alpha=0.3)
        a = normal(2, 1, 4, 3) if ta else normal(2, 1, 3, 4)
        b = normal(2, 3, 2, 4) if tb else normal(2, 3, 4, 2)
        case("FusedMatMul", [a, b], lambda a, b, ta=ta, tb=tb: 0.3 * t(a, ta) @ t(b, tb),
             f"FusedMatMul of batches transA={ta} transB={tb}", MS, transA=ta, transB=tb, alpha=0.3)
case("Gemm", [normal(3, 4), normal(4, 2), normal(3, 1)], lambda a, b, c: a @ b + c, "Gemm with a column")
case("Gemm", [normal(3, 4), normal(4, 2)], lambda a, b: a @ b, "Gemm without a bias")

# arithmetic
pairs = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow,
         "Max": torch.maximum, "Min": torch.minimum}
for op, f in pairs.items():
    case(op, [positive(2, 3), positive(2, 3)], f)
    case(op, [positive(3, 1), positive(2, 1, 4)], f, f"{op} of shapes that broadcast")
    case(op, [positive(), positive(2, 2)], f, f"{op} of a scalar and a matrix")
tied = torch.tensor([1.5, -0.5, 2.0])
case("Max", [tied, torch.tensor([1.5, 0.5, 1.0])], torch.maximum, "Max of a tie")
case("Sum", [normal(2, 3), normal(3), normal(2, 1)], lambda a, b, c: a + b + c)
for exponent in (0.0, 1.0, 2.0, 3.0, 0.5, -1.0, -0.5, 2.5):
    case("Pow", [positive(2, 3), torch.tensor(exponent)], torch.pow, f"Pow {exponent}", frozen=[1])
case("Pow", [normal(2, 3), torch.tensor(2.0)], torch.pow, "Pow 2 of negative numbers", frozen=[1])
case("Pow", [normal(2, 3), torch.tensor(3.0)], torch.pow, "Pow 3 of negative numbers", frozen=[1])
case("Div", [normal(2, 3), torch.tensor(-2.5)], torch.div, "Div by a constant", frozen=[1])

# functions of one value
for op, f in {"Neg": torch.neg, "Abs": torch.abs, "Exp": torch.exp, "Sin": torch.sin, "Cos": torch.cos,
              "Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "Erf": torch.erf, "Softplus": F.softplus,
              "Relu": torch.relu, "Reciprocal": torch.reciprocal, "Identity": torch.clone}.items():
    case(op, [normal(2, 3)], f)
for op, f in {"Sqrt": torch.sqrt, "Log": torch.log}.items():
    case(op, [positive(2, 3)], f)
case("LeakyRelu", [normal(2, 3)], lambda x: F.leaky_relu(x, 0.2), alpha=0.2)
case("Clip", [normal(3, 3), torch.tensor(-0.5), torch.tensor(1.25)], lambda x, a, b: torch.clamp(x, a, b), frozen=[1, 2])
wide = torch.tensor([-30.0, -9.0, -3.5, -1.2, -0.3, 0.0, 0.4, 1.1, 2.9, 8.0, 30.0])
case("Gelu", [wide], F.gelu)
case("Gelu", [wide], lambda x: F.gelu(x, approximate="tanh"), "Gelu by tanh", approximate="tanh")
case("Gelu", [wide], F.gelu, "com.microsoft.Gelu", MS)
case("FastGelu", [normal(2, 3), normal(3)], lambda x, b: F.gelu(x + b, approximate="tanh"), domain=MS)
case("QuickGelu", [wide], lambda x: x * torch.sigmoid(1.702 * x), domain=MS, alpha=1.702)

# softmax and normalisation
case("Softmax", [normal(2, 3, 4)], lambda x: F.softmax(x, -1), axis=-1)
case("Softmax", [normal(2, 3, 4)], lambda x: F.softmax(x, 1), "Softmax of a middle axis", axis=1)
case("LogSoftmax", [normal(2, 3, 4)], lambda x: F.log_softmax(x, -1), axis=-1)


def layer_norm(x, scale, bias):
    mean = x.mean(-1, keepdim=True)
    inverse = (x.var(-1, unbiased=False, keepdim=True) + 1e-3).rsqrt()
    return F.layer_norm(x, x.shape[-1:], scale, bias, 1e-3), mean, inverse


def rms_norm(x, scale):
    return F.rms_norm(x, x.shape[-1:], scale, 1e-3), (x.square().mean(-1, keepdim=True) + 1e-3).rsqrt()


case("LayerNormalization", [normal(2, 3, 5), normal(5), normal(5)], layer_norm, axis=-1, epsilon=1e-3, unused=[1, 2])
case("LayerNormalization", [normal(2, 3, 5), normal(5), normal(5)], lambda *a: layer_norm(*a)[0],
     "LayerNormalization without its statistics", axis=-1, epsilon=1e-3)
case("LayerNormalization", [normal(2, 3, 2), normal(3, 2)], lambda x, s: F.layer_norm(x, (3, 2), s, None, 1e-3),
     "LayerNormalization of two axes without a bias", axis=1, epsilon=1e-3)
case("SimplifiedLayerNormalization", [normal(2, 3, 5), normal(5)], rms_norm, axis=-1, epsilon=1e-3, unused=[1])
case("SimplifiedLayerNormalization", [normal(2, 3, 5), normal(5)], lambda *a: rms_norm(*a)[0],
     "SimplifiedLayerNormalization without its statistics", axis=-1, epsilon=1e-3)


def rotary(x, positions, cosines, sines):
    c, s = cosines[positions][:, None], sines[positions][:, None]
    first, second = x.chunk(2, -1)
    return torch.cat([first * c - second * s, second * c + first * s], -1)


angles = normal(7, 2)
case("RotaryEmbedding", [normal(2, 3, 3, 4), integers(0, 1, 2, 4, 5, 6, shape=(2, 3)), angles.cos(), angles.sin()],
     rotary, domain=MS, frozen=[2, 3])

# reductions
case("ReduceSum", [normal(2, 3, 4), integers(1)], lambda x, _: x.sum(1), keepdims=0)
case("ReduceSum", [normal(2, 3, 4), integers(0, -1)], lambda x, _: x.sum((0, 2), keepdim=True), "ReduceSum of two axes", keepdims=1)
case("ReduceSum", [normal(2, 3)], lambda x: x.sum(), "ReduceSum of all axes", keepdims=0)
case("ReduceMean", [normal(2, 3, 4), integers(-1)], lambda x, _: x.mean(-1, keepdim=True), keepdims=1)
case("ReduceMax", [normal(2, 3, 4), integers(2)], lambda x, _: x.amax(2), keepdims=0)
case("ReduceMax", [torch.tensor([[1.5, 2.5, 2.5], [0.5, -1.0, 0.25]]), integers(1)], lambda x, _: x.amax(1), "ReduceMax of a tie", keepdims=0)
case("ReduceMin", [normal(2, 3, 4), integers(0)], lambda x, _: x.amin(0, keepdim=True), keepdims=1)
case("ReduceSumSquare", [normal(2, 3), integers(1)], lambda x, _: x.square().sum(1), keepdims=0)
case("ReduceL2", [normal(2, 3), integers(1)], lambda x, _: x.norm(dim=1), keepdims=0)

# moving elements
case("Reshape", [normal(2, 6), integers(3, -1)], lambda x, _: x.reshape(3, 4))
case("Squeeze", [normal(2, 1, 3), integers(1)], lambda x, _: x.squeeze(1))
case("Unsqueeze", [normal(2, 3), integers(0, -1)], lambda x, _: x[None, :, :, None])
case("Flatten", [normal(2, 3, 4)], lambda x: x.reshape(2, 12), axis=1)
case("Transpose", [normal(2, 3, 4)], lambda x: x.permute(2, 0, 1), perm=[2, 0, 1])
case("Expand", [normal(3, 1), integers(2, 1, 4)], lambda x, _: x.expand(2, 3, 4))
case("Concat", [normal(2, 3), normal(2, 1), normal(2, 2)], lambda *xs: torch.cat(xs, 1), axis=1)
case("Concat", [normal(2, 3), normal(2, 1), normal(2, 2)], lambda *xs: torch.cat(xs, 1), "Concat with a frozen part", axis=-1, frozen=[1])
case("Split", [normal(2, 6), integers(1, 3, 2)], lambda x, _: x.split([1, 3, 2], 1), axis=1)
case("Split", [normal(4, 2)], lambda x: x.split([2, 2], 0), "Split with an unused part", axis=0, num_outputs=2, unused=[0])
case("Slice", [normal(4, 5), integers(1), integers(3), integers(1)], lambda x, *_: x[:, 1:3])
case("Slice", [normal(4, 5), integers(-3, 0), integers(2**62, 2), integers(0, 1)], lambda x, *_: x[-3:, :2], "Slice of two axes from the end")
case("Slice", [normal(4, 5), integers(0), integers(5), integers(1), integers(2)], lambda x, *_: x[:, ::2], "Slice with a step")
case("Slice", [normal(5), integers(-1), integers(-2**62), integers(0), integers(-2)], lambda x, *_: x.flip(0)[::2], "Slice backwards")
case("Tile", [normal(2, 3), integers(3, 2)], lambda x, _: x.repeat(3, 2))
case("Where", [torch.tensor([[True, False, True], [False, False, True]]), normal(2, 3), normal(3)], torch.where)
case("Trilu", [normal(2, 3, 4), torch.tensor(-1)], lambda x, _: x.tril(-1), upper=0)
case("Trilu", [normal(3, 4)], lambda x: x.triu(), "Trilu upper", upper=1)

# reading and writing at indices
case("Gather", [normal(5, 3), integers(4, 0, 4, 1, shape=(2, 2))], lambda x, i: x[i], axis=0)
case("Gather", [normal(2, 4, 3), integers(3, 1, 3)], lambda x, i: x[:, i], "Gather on a middle axis with repeats", axis=1)
case("Gather", [normal(2, 4, 3), integers(3, 0)], lambda x, i: x[:, i], "Gather of different places", axis=1)
case("Gather", [normal(2, 4, 3), torch.tensor(-2)], lambda x, i: x[:, -2], "Gather of one place", axis=1)
case("GatherElements", [normal(3, 4), integers(0, 0, 3, 2, 1, 1, shape=(3, 2))], lambda x, i: x.gather(1, i), axis=1)
case("GatherND", [normal(3, 4, 2), integers(0, 1, 2, 3, 0, 1, shape=(3, 2))], lambda x, i: x[i[:, 0], i[:, 1]])
case("GatherND", [normal(2, 4, 3), integers(1, 3, shape=(2, 1))], lambda x, i: x[[0, 1], i[:, 0]], "GatherND with a batch axis", batch_dims=1)
case("GatherND", [normal(3, 4, 2), integers(0, -1, 2, 1, 0, 3, shape=(3, 2))], lambda x, i: x[i[:, 0], i[:, 1]],
     "GatherND of one place twice, counted from the end")
case("ScatterND", [normal(4, 3), integers(2, 0, shape=(2, 1)), normal(2, 3)],
     lambda x, i, u: x.index_put((i[:, 0],), u))
case("ScatterND", [normal(4, 3), integers(2, 2, shape=(2, 1)), normal(2, 3)],
     lambda x, i, u: x.index_put((i[:, 0],), u, accumulate=True), "ScatterND that adds", reduction="add")
case("ScatterElements", [normal(3, 4), integers(3, 0, 1, shape=(3, 1)), normal(3, 1)],
     lambda x, i, u: x.scatter(1, i, u), axis=1)
case("TopK", [normal(3, 5), integers(2)], lambda x, k: x.topk(2), unused=(1,), axis=-1)
case("TopK", [normal(4, 2, 3), integers(3)], lambda x, k: x.topk(3, dim=0, largest=False), "TopK of the smallest on the first axis",
     unused=(1,), axis=0, largest=0)

# products with packed blocks


def unpacked(packed, bits, count):
    """Small integers from bytes, the first in the low bits."""
    parts = [packed] if bits == 8 else [packed & 15, packed >> 4]
    return torch.stack(parts, -1).flatten(1)[:, :count].double()


def packed_product(x, packed, scales, zeros=None, group=None, bias=None, bits=4, block=16, columns=32):
    rows = packed.shape[0]
    blocks = packed.shape[1]
    stored = unpacked(packed.reshape(rows, -1), bits, blocks * block).reshape(rows, blocks, block)
    middle = 2 ** (bits - 1) if zeros is None else unpacked(zeros.reshape(rows, -1), bits, blocks)[..., None]
    matrix = ((stored - middle) * scales.reshape(rows, blocks, 1)).reshape(rows, -1)[:, :columns]
    return F.linear(x, matrix, bias)


def bytes_of(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


for name, bits, rows, columns, blocks, zeros, bias in [
    ("MatMulNBits", 4, 3, 32, 2, None, None),
    ("MatMulNBits with zero points in half bytes, and a row that does not fill its blocks", 4, 3, 40, 3, bytes_of(3 * 2), None),
    ("MatMulNBits with zero points and a bias", 4, 5, 32, 2, bytes_of(5), normal(5)),
    ("MatMulNBits of 8 bits", 8, 2, 32, 2, bytes_of(4), None),
]:
    inputs = [normal(4, columns), bytes_of(rows, blocks, 16 * bits // 8), positive(rows * blocks) / 8, zeros, None, bias]
    case("MatMulNBits", inputs[:6] if bias is not None else inputs[:4],
         lambda *given, bits=bits, columns=columns: packed_product(*given, bits=bits, columns=columns), name,
         domain=MS, frozen=(2,), K=columns, N=rows, bits=bits, block_size=16)

path = pathlib.Path(__file__).with_name("expected.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
