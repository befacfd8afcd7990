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
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def saved_key(name, keys):
    """The key that a parameter has in the adapter's file."""
    if name.startswith("prompt_encoder."):
        return "prompt_embeddings"
    plain = name.replace(".modules_to_save.default", "").replace(".default", "")
    return plain if plain in keys else plain.removesuffix(".weight")


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
    config = peft.PeftConfig.from_pretrained(options.adapter)
    model = peft.PeftModel.from_pretrained(base, options.adapter, is_trainable=not config.is_prompt_learning).eval()
    if config.is_prompt_learning:  # PEFT loads a prompt for inference only
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("prompt_encoder.") or ".modules_to_save." in name)
    batch = {name: tensor.long() for name, tensor in load_file(options.batch).items()}
    loss = model(**batch).loss
    if options.gradients is not None:
        loss.backward()
        with safe_open(f"{options.adapter}/adapter_model.safetensors", "pt") as saved:
            keys = set(saved.keys())
        named = {saved_key(name, keys): p.grad.contiguous() for name, p in model.named_parameters() if p.grad is not None}
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
