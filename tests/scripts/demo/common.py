"""Rendering and tokenizing, in the form the base and the rows share."""
import json
from pathlib import Path
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers.utils.chat_template_utils import _compile_jinja_template

TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text()
compiled = _compile_jinja_template(TEMPLATE)


def render(messages, tools, generation_prompt=False):
    return compiled.render(messages=messages, tools=tools or None, bos_token="<bos>", eos_token="<eos>", add_generation_prompt=generation_prompt)


def encode(tokenizer, messages, tools):
    """Ids of the whole conversation, and a mask of the assistant's tokens (each turn's text with its <end_of_turn>)."""
    ids, mask, done = [], [], ""
    for i, m in enumerate(messages):
        if m["role"] == "assistant":
            prompt, upto = render(messages[:i], tools, True), render(messages[: i + 1], tools)
            for text, learn in ((prompt[len(done):], 0), (upto[len(prompt):], 1)):
                part = tokenizer.encode(text, add_special_tokens=False).ids
                ids += part
                mask += [learn] * len(part)
            done = upto
    return ids, mask
