"""Golden cases of configurations that make_golden.py does not have: the same tiny models, adapters and gradients.

    python make_variants.py CASE OUT_DIR [--seed N]
    python make_variants.py all OUT_ROOT [--seed N]

needs: torch, transformers, peft, safetensors. `--left` pads the rows on the left, `--dtype bfloat16` or `float16` stores the model in half precision,
`--shard` in files of 100 KB.
"""
import copy, sys, pathlib, peft, torch, transformers
import make_golden as golden

SMALL = dict(golden.LLAMA, hidden_size=32, intermediate_size=24, vocab_size=96, num_hidden_layers=2)
golden.V = 96
MOE = dict(SMALL, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16, router_aux_loss_coef=0.0)
MIXTRAL = dict(SMALL, num_local_experts=4, num_experts_per_tok=2, router_aux_loss_coef=0.0)
NEOX = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)
ATTENTION = dict(r=4, lora_alpha=9, target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj'])
LINEAR = dict(r=4, lora_alpha=9, target_modules='all-linear')


def rope(kind, **settings):
    return dict(rope_type=kind, rope_theta=10000.0, **settings)


def case(model_type, base, lora=LINEAR, **changes):
    return 'causal', lambda: golden.tiny(model_type, **{**base, **changes}), lora


LONG = rope('longrope', short_factor=[1.0, 1.1, 1.3, 1.5], long_factor=[1.5, 2.0, 4.0, 6.5])
PHI3 = dict(SMALL, original_max_position_embeddings=64)
FUSED = dict(r=4, lora_alpha=9, target_modules=['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'])
NEOX_LORA = dict(r=4, lora_alpha=9, target_modules=['query_key_value', 'dense', 'dense_h_to_4h', 'dense_4h_to_h'])
BERT = dict(golden.BERT, hidden_size=32, intermediate_size=24, vocab_size=96)
GEMMA2 = dict(SMALL, head_dim=16, tie_word_embeddings=True, sliding_window=8, query_pre_attn_scalar=16)

golden.CASES = {
    'mixtral-small': case('mixtral', MIXTRAL, ATTENTION),
    'mixtral-window': case('mixtral', MIXTRAL, ATTENTION, sliding_window=5, num_experts_per_tok=3, head_dim=12),
    'qwen2-moe': case('qwen2_moe', MOE, shared_expert_intermediate_size=20),
    'qwen2-moe-norm': case('qwen2_moe', MOE, shared_expert_intermediate_size=20, norm_topk_prob=True, num_hidden_layers=3, mlp_only_layers=[1], qkv_bias=False),
    'qwen2-moe-window': case('qwen2_moe', MOE, shared_expert_intermediate_size=20, use_sliding_window=True, sliding_window=5, max_window_layers=1),
    'qwen3-moe': case('qwen3_moe', MOE, ATTENTION, head_dim=12, norm_topk_prob=True),
    'qwen3-moe-mixed': case('qwen3_moe', MOE, ATTENTION, num_hidden_layers=3, decoder_sparse_step=2, norm_topk_prob=False, attention_bias=True),
    'qwen3-moe-window': case('qwen3_moe', MOE, ATTENTION, use_sliding_window=True, sliding_window=5),
    'llama-mqa': case('llama', SMALL, num_key_value_heads=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    'llama-mha': case('llama', SMALL, num_key_value_heads=4, head_dim=12),
    'llama-linear': case('llama', SMALL, rope_parameters=rope('linear', factor=4.0)),
    'llama-yarn': case('llama', SMALL, rope_parameters=rope('yarn', factor=4.0, original_max_position_embeddings=16)),
    'llama3-rope': case('llama', SMALL, rope_parameters=rope('llama3', factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)),
    'qwen2-window': case('qwen2', SMALL, use_sliding_window=True, sliding_window=5, max_window_layers=1),
    'qwen3-window': case('qwen3', SMALL, head_dim=12, attention_bias=True, use_sliding_window=True, sliding_window=5, layer_types=['sliding_attention', 'full_attention']),
    'qwen3-tied': case('qwen3', SMALL, head_dim=16, tie_word_embeddings=True),
    'gemma': case('gemma', SMALL, head_dim=16, tie_word_embeddings=True),
    'gemma-legacy': case('gemma', SMALL, head_dim=16, tie_word_embeddings=True, hidden_act='gelu', attention_bias=True),
    'gemma2-small': case('gemma2', GEMMA2, sliding_window=5),
    'gemma2-plain': case('gemma2', GEMMA2, final_logit_softcapping=None, attn_logit_softcapping=None, num_hidden_layers=3, tie_word_embeddings=False, attention_bias=True, query_pre_attn_scalar=10),
    'gemma2-prompt': case('gemma2', GEMMA2, peft.PromptTuningConfig(task_type='CAUSAL_LM', num_virtual_tokens=3), sliding_window=5),
    'bert-ia3-head': ('sequence', lambda: golden.tiny('bert', **BERT), peft.IA3Config(task_type='SEQ_CLS')),
    'bert-prompt-head': ('sequence', lambda: golden.tiny('bert', **BERT), peft.PromptTuningConfig(task_type='SEQ_CLS', num_virtual_tokens=3)),
    'llama-prompt-saved': case('llama', SMALL, peft.PromptTuningConfig(task_type='CAUSAL_LM', num_virtual_tokens=3, modules_to_save=['lm_head', 'norm'])),
    'llama-score': ('sequence', lambda: golden.tiny('llama', **SMALL, num_labels=5), peft.LoraConfig(**LINEAR, task_type='SEQ_CLS')),
    'qwen2-score-left': ('sequence', lambda: golden.tiny('qwen2', **{**SMALL, 'pad_token_id': 5}, num_labels=5), peft.IA3Config(task_type='SEQ_CLS')),
    'gpt2-score': ('sequence', lambda: golden.tiny('gpt2', vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=64, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=1, eos_token_id=2, pad_token_id=2, num_labels=5),
                   dict(r=3, lora_alpha=7, task_type='SEQ_CLS', target_modules=['c_attn', 'c_fc'], fan_in_fan_out=True)),
    'phi3-small': case('phi3', PHI3, FUSED),
    'phi3-long': case('phi3', PHI3, FUSED, original_max_position_embeddings=8, rope_parameters=dict(LONG)),
    'phi3-short': case('phi3', PHI3, FUSED, original_max_position_embeddings=32, rope_parameters=dict(LONG), sliding_window=5),
    'phi3-partial': case('phi3', PHI3, FUSED, rope_parameters=rope('default', partial_rotary_factor=0.5), tie_word_embeddings=True),
    'neox-small': case('gpt_neox', NEOX, NEOX_LORA),
    'neox-serial': case('gpt_neox', NEOX, NEOX_LORA, use_parallel_residual=False, attention_bias=False, rope_parameters=rope('default', partial_rotary_factor=0.6)),
    'neox-whole': case('gpt_neox', NEOX, NEOX_LORA, rope_parameters=rope('default', partial_rotary_factor=1.0), tie_word_embeddings=True, hidden_act='gelu_new'),
    'phi': case('phi', {k: v for k, v in SMALL.items()}, dict(r=4, lora_alpha=9, target_modules=['q_proj', 'v_proj', 'dense', 'fc1', 'fc2'])),
    'stablelm': case('stablelm', SMALL),
    'stablelm-parallel': case('stablelm', SMALL, use_parallel_residual=True, use_qkv_bias=True),
    'phi-gqa': case('phi', SMALL, dict(r=4, lora_alpha=9, target_modules=['k_proj', 'v_proj', 'dense', 'fc2']), num_key_value_heads=1, partial_rotary_factor=0.75),
    'smollm3-window': case('smollm3', SMALL, num_hidden_layers=4, no_rope_layers=[1, 0, 0, 1], use_sliding_window=True, sliding_window=5, tie_word_embeddings=True),
    'olmo2': case('olmo2', SMALL),
    'smollm3': case('smollm3', SMALL, num_hidden_layers=4, no_rope_layer_interval=2),
}


def pad_left(batch):
    lengths = batch['attention_mask'].sum(1).tolist()
    roll = lambda tensor: torch.stack([torch.roll(row, 12 - length) for row, length in zip(tensor, lengths)])
    return {name: roll(tensor) if tensor.dim() == 2 else tensor for name, tensor in batch.items()}


def main():
    flags = [a for a in sys.argv if a in ('--left', '--shard')]
    sys.argv = [a for a in sys.argv if a not in flags]
    dtype = None
    if '--dtype' in sys.argv:
        at = sys.argv.index('--dtype')
        dtype = getattr(torch, sys.argv[at + 1])
        del sys.argv[at:at + 2]
    if '--left' in flags:
        make = golden.make_batch
        golden.make_batch = lambda *a: pad_left(make(*a))
    save = transformers.PreTrainedModel.save_pretrained
    def saved(model, path, **kw):
        if dtype is None:
            return save(model, path, **({'max_shard_size': '20KB'} if '--shard' in flags else {}), **kw)
        with torch.no_grad():  # the numbers are those of the rounded weights, computed in float32 (and the angles' buffers stay as they are)
            for p in model.parameters():
                p.copy_(p.to(dtype).float())
        save(copy.deepcopy(model).to(dtype), path, **({'max_shard_size': '20KB'} if '--shard' in flags else {}), **kw)
    transformers.PreTrainedModel.save_pretrained = saved
    if sys.argv[1] == 'all':
        root, rest = sys.argv[2], sys.argv[3:]
        for name in golden.CASES:
            sys.argv = [sys.argv[0], name, str(pathlib.Path(root) / name), *rest]
            try:
                golden.main()
            except Exception as error:
                print(name, 'FAILED', repr(error)[:300])
    else:
        golden.main()


main()
