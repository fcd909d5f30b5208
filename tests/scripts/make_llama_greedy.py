#!/usr/bin/env python3
"""What llama.cpp answers greedily with the Q4_K_M GGUF of the real Gemma 3 270M.

    python3 tests/scripts/make_llama_greedy.py LLAMA_COMPLETION MODEL.gguf

Writes tests/src/test/resources/gguf/llama-greedy.jsonl: {"prompt", "text"}, text being 32 new tokens at temperature 0. Raw prompts, no
template. llama.cpp rounds activations to 8 bits before it multiplies them with quantized weights, so other programs part from it at
near-ties.
"""
import json
import pathlib
import subprocess
import sys

OUT = pathlib.Path(__file__).parents[1] / "src/test/resources/gguf/llama-greedy.jsonl"
PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n",
    "Once upon a time, there was a",
    "Question: How many legs does a spider have?\nAnswer:",
    "La capitale de l'Italie est",
    "Die drei größten Städte Deutschlands sind",
    "日本の首都は",
    "1, 2, 4, 8, 16,",
    '{"name": "get_weather", "arguments": {"city":',
]


def main():
    program, model = sys.argv[1:3]
    with open(OUT, "w", encoding="utf-8") as out:
        for prompt in PROMPTS:
            run = subprocess.run(
                [program, "-m", model, "-p", prompt, "-n", "32", "--temp", "0", "-no-cnv", "--no-warmup", "--no-escape",
                 "--no-display-prompt", "-t", "2"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            # the program ends its output with two newlines of its own
            text = run.stdout.decode("utf-8", "replace").removesuffix("\n\n")
            out.write(json.dumps({"prompt": prompt, "text": text}, ensure_ascii=False) + "\n")
            print(repr(prompt), repr(text))


if __name__ == "__main__":
    main()
