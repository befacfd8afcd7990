"""The loss that PyTorch and Hugging Face PEFT compute for an adapter folder and one batch.

    python test/peft-interop.py MODEL_DIR ADAPTER_DIR BATCH.safetensors [--gradients OUT.safetensors]

needs: torch, transformers, peft, safetensors. The batch holds input_ids, labels (-100 is ignored) and maybe attention_mask.
Prints {"loss", "baseLoss" (without the adapter), "torch", "transformers", "peft"}.
"""

import argparse
import json

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("adapter")
    parser.add_argument("batch")
    parser.add_argument("--gradients")
    options = parser.parse_args()

    torch.set_num_threads(2)
    transformers.logging.set_verbosity_error()
    base = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="eager")
    model = peft.PeftModel.from_pretrained(base, options.adapter, is_trainable=True).eval()
    batch = {name: tensor.long() for name, tensor in load_file(options.batch).items()}
    loss = model(**batch).loss
    if options.gradients is not None:
        loss.backward()
        named = {name.replace(".default.", "."): p.grad.contiguous() for name, p in model.named_parameters() if p.grad is not None}
        save_file(named, options.gradients)
    with torch.no_grad(), model.disable_adapter():
        base_loss = model(**batch).loss
    report = {
        "loss": loss.item(),
        "baseLoss": base_loss.item(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
