"""A tokenizer in Gemma 3's form: its control tokens at their ids, newline runs, byte fallback, and pieces learned from the base's corpus."""
import json
from random import Random
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
import corpus, common, words

VOCABULARY = 1280
MARKUP = [["<", "tool", "_", "call", ">"], ["</", "tool", "_", "call", ">"], ["<", "tools", ">"], ["</", "tools", ">"],
          ["<", "tool", "_", "response", ">"], ["</", "tool", "_", "response", ">"], ['{"', "name", '":▁"'], ['",▁"', "arguments", '":▁{"']]


def learn_merges(seed):
    rng = Random(seed)
    texts = [common.render(*corpus.sample(rng, rng.random())) for _ in range(6000)]
    texts = [t.replace("<bos>", "").replace("<start_of_turn>", "\n").replace("<end_of_turn>", "\n") for t in texts]
    texts += [" ".join(words.FILLERS)] * 60 + ["tool tools call response name arguments user model\n"] * 2000
    bpe = Tokenizer(models.BPE())
    # A space never joins a word: a span copied out of a sentence has the same ids inside JSON's quotes.
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\n+|[A-Za-z]+|[0-9]|[^A-Za-z0-9\n]+"), "isolated"),
                                                 pre_tokenizers.Split(Regex(r"[A-Z]?[a-z]+|[A-Z]+"), "isolated")])
    alphabet = [chr(c) for c in range(33, 127)] + ["▁"]
    size = VOCABULARY - 107 - 31 - 256 - 40
    bpe.train_from_iterator((t.replace(" ", "▁") for t in texts), trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))
    return json.loads(bpe.to_str())["model"]


def build(seed):
    learned = learn_merges(seed)
    added = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "[multimodal]"] + [f"<unused{i}>" for i in range(99)] + ["<start_of_turn>", "<end_of_turn>"]
    added += ["\n" * n for n in range(1, 32)]
    special = {"<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"}
    vocab = {t: i for i, t in enumerate(added)}
    for b in range(256):
        vocab[f"<0x{b:02X}>"] = len(vocab)
    merges = [list(m) for m in learned["merges"]]
    for piece in sorted(learned["vocab"], key=learned["vocab"].get):
        if piece not in vocab and piece != "\n":
            vocab[piece] = len(vocab)
    known = {a + b for a, b in merges} | set(learned["vocab"])
    for parts in MARKUP:  # Gemma has pieces for markup too; these merge last
        left = parts[0]
        assert all(p in known for p in parts), [p for p in parts if p not in known]
        for right in parts[1:]:
            if [left, right] not in merges:
                merges.append([left, right])
                known.add(left + right)
                vocab.setdefault(left + right, len(vocab))
            left += right
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": t in special}
                         for i, t in enumerate(added)],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                           "pair": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                    {"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges},
    }
