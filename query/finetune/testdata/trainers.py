"""Trains one step on each training file and prints what the trainer says.

    python trainers.py MANIFEST

MANIFEST is a JSON array of {"name", "format", "file"}. For each element one line of
JSON goes to standard output: {"name", "taken", "error"}. A file is taken if the
trainer of its format loads it and makes an optimizer step on it.

Needs trl, transformers, datasets and torch. The model is a Llama of a few thousand
random parameters with a tokenizer of bytes, made here: nothing is downloaded.
"""

import json
import os
import sys
import tempfile

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TRANSFORMERS_VERBOSITY="error",
    TRL_EXPERIMENTAL_SILENCE="1",
    WANDB_DISABLED="true",
    CUDA_VISIBLE_DEVICES="",
)

import datasets
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

# Like the templates of most models it concatenates text, so it refuses a content that
# is neither text nor parts with text; like those of many it refuses an unknown role.
TEMPLATE = """
{%- if tools %}{{ '<|tools|>' }}{% for t in tools %}{{ t | tojson }}{% endfor %}{{ '<|end|>' }}{% endif %}
{%- for m in messages %}
{%- if m.role not in ['system', 'developer', 'user', 'assistant', 'tool'] %}
{{- raise_exception('unknown role ' ~ m.role) }}
{%- endif %}
{{- '<|' + m.role + '|>' }}
{%- if m.content is iterable and m.content is not string and m.content is not mapping %}
{%- for part in m.content %}{{ '' + part.text }}{% endfor %}
{%- elif m.content or not m.tool_calls %}{{ '' + m.content }}
{%- endif %}
{%- for call in m.tool_calls or [] %}
{%- set f = call.function or call %}{{ '' + f.name + '(' + f.arguments | tojson + ')' }}
{%- endfor %}
{{- '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"""

ROLES = ("system", "developer", "user", "assistant", "tool")
SPECIAL = ["<|pad|>", "<|end|>", "<|tools|>"] + [f"<|{role}|>" for role in ROLES]


def make_tokenizer():
    vocabulary = {token: i for i, token in enumerate(SPECIAL + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>")
    fast.chat_template = TEMPLATE
    return fast


def make_model(tokenizer):
    torch.manual_seed(1)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=8,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def alpaca_text(example):
    """The prompt of Stanford Alpaca, whose data is in this format."""
    task = example["instruction"]
    if example.get("input"):
        task += "\n\n### Input:\n" + example["input"]
    return f"### Instruction:\n{task}\n\n### Response:\n{example['output']}"


def from_openai_preference(example):
    return {
        "prompt": example["input"]["messages"],
        "chosen": example["preferred_output"],
        "rejected": example["non_preferred_output"],
    }


# The roles that LLaMA-Factory and Axolotl make of the names of ShareGPT.
SHAREGPT = {"human": "user", "gpt": "assistant", "function_call": "assistant", "observation": "tool"}


def from_sharegpt(example):
    return {
        "messages": [
            {"role": SHAREGPT.get(turn["from"], turn["from"]), "content": turn["value"]}
            for turn in example["conversations"]
        ]
    }


TRAINERS = {
    "openai": (SFTTrainer, SFTConfig),
    "trl": (SFTTrainer, SFTConfig),
    "sharegpt": (SFTTrainer, SFTConfig),
    "alpaca": (SFTTrainer, SFTConfig),
    "openai-dpo": (DPOTrainer, DPOConfig),
    "trl-dpo": (DPOTrainer, DPOConfig),
    "kto": (KTOTrainer, KTOConfig),
}


def train(form, file, scratch):
    """Raises whatever the loader or the trainer raises."""
    data = datasets.load_dataset("json", data_files=file, split="train", cache_dir=os.path.join(scratch, "cache"))
    if form == "openai-dpo":
        data = data.map(from_openai_preference, remove_columns=data.column_names)
    if form == "sharegpt":
        data = data.map(from_sharegpt, remove_columns=["conversations"])
    trainer_class, config_class = TRAINERS[form]
    config = config_class(
        output_dir=os.path.join(scratch, "out"),
        max_steps=1,
        per_device_train_batch_size=2,
        learning_rate=1e-3,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        max_length=1024,
    )
    tokenizer = make_tokenizer()
    extra = {}
    if form == "alpaca":
        extra["formatting_func"] = alpaca_text
    if trainer_class is not SFTTrainer:  # else it looks for the model's folder
        extra["ref_model"] = make_model(tokenizer)
    trainer = trainer_class(
        model=make_model(tokenizer), args=config, train_dataset=data, processing_class=tokenizer, **extra
    )
    if len(trainer.train_dataset) < len(data):
        raise ValueError(f"{len(data) - len(trainer.train_dataset)} of {len(data)} examples dropped: nothing to train on")
    result = trainer.train()
    if trainer.state.global_step != 1 or result.training_loss != result.training_loss:
        raise ValueError(f"step {trainer.state.global_step}, loss {result.training_loss}")


def main():
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    with open(sys.argv[1], encoding="utf-8") as f:
        cases = json.load(f)
    for case in cases:
        error = ""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                train(case["format"], case["file"], scratch)
            except Exception as e:
                cause = e.__cause__ or e
                error = f"{type(cause).__name__}: {cause}"[:300] or type(e).__name__
        print(json.dumps({"name": case["name"], "taken": error == "", "error": error}), flush=True)


if __name__ == "__main__":
    main()
