#!/usr/bin/env python3
"""GGUF bases for check_gguf.sh, written by the Python package gguf, and what transformers makes of a folder that `jemma merge` wrote from one.

usage: check_gguf.py make MODEL TYPE OUT.gguf FOLDER
       check_gguf.py folder MERGED [--tokenizer REFERENCE]

make        writes the Hugging Face folder MODEL as OUT.gguf, matrices in TYPE (BF16, Q8_0, Q4_0, Q5_0; BF16 where rows are no whole blocks), and to FOLDER
            what such a file holds as a Hugging Face folder in float32: the values its blocks decode to, attention scaled by the head size
folder      transformers must load MERGED's config, weights, generation config and tokenizer as they are; with --tokenizer texts of all kinds must get the
            ids, and ids the text, that the tokenizer in REFERENCE gives

Python has gguf, torch, transformers (5.17) and safetensors.
"""
import argparse, json, pathlib, random, sys
import numpy as np, torch
import gguf
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.torch import load_file, save_file

ARCHITECTURES = {"gemma": gguf.MODEL_ARCH.GEMMA, "gemma2": gguf.MODEL_ARCH.GEMMA2, "gemma3_text": gguf.MODEL_ARCH.GEMMA3}


def metadata(writer, config):
    """What llama.cpp's converter writes of config.json."""
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    if config["model_type"] == "gemma":
        return
    writer.add_sliding_window(config["sliding_window"])
    writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    writer.add_attn_logit_softcapping(config["attn_logit_softcapping"] or 0.0)
    writer.add_final_logit_softcapping(config["final_logit_softcapping"] or 0.0)
    rope = config["rope_parameters"]
    full = rope.get("full_attention", rope)
    writer.add_rope_freq_base(full["rope_theta"])
    if full["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(full["factor"])


def make(model, kind, out, folder):
    config = json.loads((model / "config.json").read_text())
    architecture = ARCHITECTURES[config["model_type"]]
    writer = gguf.GGUFWriter(out, gguf.MODEL_ARCH_NAMES[architecture])
    metadata(writer, config)
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    decoded = {}
    for name, weight in load_file(model / "model.safetensors").items():
        values = weight.float().numpy()
        # the head of Gemma 2 and 3 may be a weight of its own, which the package's table does not know
        target = "output.weight" if name == "lm_head.weight" else names.get_name(name.removesuffix(".weight")) + ".weight"
        if values.ndim == 1:
            writer.add_tensor(target, values + np.float32(1))
            decoded[name] = weight.float()
            continue
        wanted = Type[kind] if values.shape[-1] % gguf.GGML_QUANT_SIZES[Type[kind]][0] == 0 else Type.BF16
        blocks = quantize(values, wanted)
        writer.add_tensor(target, blocks, raw_dtype=wanted)
        decoded[name] = torch.from_numpy(dequantize(blocks, wanted).astype(np.float32))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    folder.mkdir(parents=True)
    config["dtype"] = "float32"
    if "query_pre_attn_scalar" in config:
        config["query_pre_attn_scalar"] = config["head_dim"]
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    save_file(decoded, folder / "model.safetensors", {"format": "pt"})


def texts():
    rng = random.Random(7)
    yield from ["", " ", "  two  spaces ", "\n\n\t x", "<start_of_turn>user\nHi<end_of_turn>\n", "The capital of France is Paris.", "naïve Σ ß 漢字 🙂 👨‍👩‍👧",
                "def f(x):\n    return x + 1\n", "<bos><eos><pad>", "▁low▁line", "\u0000\u0001\x7f"]
    for _ in range(300):
        yield "".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(160, 0x500), rng.randrange(0x4E00, 0x4F00), 32, 32, 10])) for _ in range(rng.randrange(1, 60)))


def check_tokenizer(found, wanted):
    count = 0
    for text in texts():
        a, b = found(text)["input_ids"], wanted(text)["input_ids"]
        if a != b:
            sys.exit(f"FAIL: {text!r} is {a}, wanted {b}")
        if found.decode(a) != wanted.decode(b):
            sys.exit(f"FAIL: {a} is {found.decode(a)!r}, wanted {wanted.decode(b)!r}")
        count += 1
    # not eos: tokenizer_config.json of a folder may name the end of a turn, where a GGUF file has the end of text
    for key in ["bos_token_id", "pad_token_id", "unk_token_id"]:
        if getattr(found, key) != getattr(wanted, key):
            sys.exit(f"FAIL: {key} is {getattr(found, key)}, wanted {getattr(wanted, key)}")
    print(f"tokenizer: {count} texts have the ids of the reference's, and the ids its text")


def folder(merged, reference):
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    config = AutoConfig.from_pretrained(merged)
    model, info = AutoModelForCausalLM.from_pretrained(merged, output_loading_info=True, dtype="auto")
    wrong = {k: v for k, v in info.items() if v and k != "error_msgs"}
    if wrong:
        sys.exit(f"FAIL {merged}: {wrong}")
    generation = GenerationConfig.from_pretrained(merged)
    out = model.generate(torch.tensor([[2, 17, 30]]), max_new_tokens=4, do_sample=False)
    print(f"transformers loads {merged}: {type(model).__name__}, {model.dtype}, ends with {generation.eos_token_id}; generates {out[0].tolist()}")
    if (pathlib.Path(merged) / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(merged)
        if tokenizer.eos_token_id not in generation.eos_token_id:
            sys.exit(f"FAIL: the tokenizer's eos is {tokenizer.eos_token_id}, generation ends with {generation.eos_token_id}")
        if len(tokenizer) > config.get_text_config().vocab_size:
            sys.exit(f"FAIL: {len(tokenizer)} tokens, {config.get_text_config().vocab_size} rows of the embedding")
        if reference:
            check_tokenizer(tokenizer, AutoTokenizer.from_pretrained(reference))
    elif reference:
        sys.exit(f"FAIL {merged}: has no tokenizer.json")


def main():
    a = argparse.ArgumentParser(usage=__doc__)
    commands = a.add_subparsers(dest="command", required=True)
    m = commands.add_parser("make")
    m.add_argument("model", type=pathlib.Path); m.add_argument("type"); m.add_argument("out"); m.add_argument("folder", type=pathlib.Path)
    f = commands.add_parser("folder")
    f.add_argument("merged"); f.add_argument("--tokenizer")
    a = a.parse_args()
    if a.command == "make":
        make(a.model, a.type, a.out, a.folder)
    else:
        folder(a.merged, a.tokenizer)


if __name__ == "__main__":
    main()
