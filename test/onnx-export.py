"""Logits of a base with a PEFT adapter, and those of the ONNX graphs that were made of them.

python onnx-export.py BASE ADAPTER MERGED_FOLDER ADAPTED_ONNX ADAPTED_FOLDER MERGED_ONNX IDS -> largest differences as JSON
"""
import json
import os
import sys

import numpy as np
import onnxruntime
import torch
from peft import PeftModel
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

base, adapter, merged, adapted, adapter_inputs, merged_onnx, ids = sys.argv[1:]
tokens = np.array(json.loads(ids), dtype=np.int64)


def logits_of(model):
    with torch.no_grad():
        return model.eval()(input_ids=torch.from_numpy(tokens)).logits.float().numpy()


model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
plain = logits_of(model)
expected = logits_of(PeftModel.from_pretrained(model, adapter))


def run(path, feeds):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    named = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), **feeds}
    wanted = {one.name for one in session.get_inputs()}
    return session.run(["logits"], {name: value for name, value in named.items() if name in wanted})[0]


tensors = load_file(os.path.join(adapter_inputs, "adapter_model.safetensors"))
folder = logits_of(AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32))


def largest(one, other):
    return float(np.abs(one - other).max())


print(json.dumps({
    "change": largest(expected, plain),
    "adapted": largest(run(adapted, tensors), expected),
    "merged": largest(folder, expected),
    "mergedOnnx": largest(run(merged_onnx, {}), folder),
}))
