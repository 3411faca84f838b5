"""The models that are measured, and the process that runs one of them.

    python contenders.py NAME --max-length N --threads T [--reference DIR]

reads lengths, one a line, and answers each with the seconds of one forward pass over one text of
so many tokens. Everything runs without gradients, on random weights of the published size.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

# A forward pass over a text of `length` tokens, ended when the numbers are there.
Forward = Callable[[int], None]

LABELS = {
    "bigs-float32": "bigs, float32",
    "bigs-bfloat16": "bigs, bfloat16",
    "bigs-int8": "bigs, int8",
    "bert-float32": "BERT-large, PyTorch, float32",
    "bert-bfloat16": "BERT-large, PyTorch, bfloat16",
    "reference-torch-float32": "BiGS reference, PyTorch, float32",
    "reference-torch-bfloat16": "BiGS reference, PyTorch, bfloat16",
    "reference-flax-float32": "BiGS reference, Flax, float32",
}
OURS = ("bigs-float32", "bigs-bfloat16", "bigs-int8")
REFERENCE = tuple(name for name in LABELS if name.startswith("reference"))

LARGE = dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=23, num_ssm=64)


def bert(dtype: str, max_length: int, threads: int) -> Forward:
    """BERT-large (24 layers, 1,024 wide, 16 heads) with as many positions as are asked for."""
    import torch
    from transformers import BertConfig, BertModel

    torch.set_num_threads(threads)
    config = BertConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
        max_position_embeddings=max_length, attn_implementation="sdpa",
    )
    model = BertModel(config).eval().to(getattr(torch, dtype))
    return lambda length: _torch_pass(torch, model, length)


def reference_torch(dtype: str, max_length: int, threads: int) -> Forward:
    """The PyTorch port. Its FFT has no bfloat16, so that dtype runs under autocast."""
    import torch
    import transformers.modeling_utils

    torch.set_num_threads(threads)
    if not hasattr(transformers.modeling_utils, "SequenceSummary"):
        # Imported by the reference and used by no model that runs here; gone from transformers.
        transformers.modeling_utils.SequenceSummary = torch.nn.Module
    from BiGS.configuration_bigs import BiGSConfig
    from BiGS.modeling_bigs import BiGSModel

    model = BiGSModel(BiGSConfig(max_position_embeddings=max_length, **LARGE)).eval()
    if dtype == "float32":
        return lambda length: _torch_pass(torch, model, length)

    def forward(length: int) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _torch_pass(torch, model, length)

    return forward


def reference_flax(dtype: str, max_length: int, threads: int) -> Forward:
    """The official code, compiled. It convolves over all positions: one model for each length."""
    import jax
    import jax.numpy as jnp
    from BiGS.configuration_bigs import BiGSConfig
    from BiGS.modeling_flax_bigs import FlaxBiGSModel

    passes = {}

    def compiled(length: int):
        if length not in passes:
            passes.clear()
            config = BiGSConfig(max_position_embeddings=length, **LARGE)
            model = FlaxBiGSModel(config, dtype=getattr(jnp, dtype))
            run = jax.jit(lambda params, ids: model(ids, params=params)[0])
            passes[length] = lambda: run(
                model.params, jnp.zeros((1, length), jnp.int32)).block_until_ready()
            passes[length]()
        return passes[length]

    return lambda length: compiled(length)()


def _torch_pass(torch, model, length: int) -> None:
    generator = torch.Generator().manual_seed(length)
    ids = torch.randint(1000, 30000, (1, length), generator=generator)
    with torch.inference_mode():
        model(input_ids=ids)


def make(name: str, max_length: int, threads: int) -> Forward:
    kind, dtype = name.rsplit("-", 1)
    factory = {"bert": bert, "reference-torch": reference_torch, "reference-flax": reference_flax}
    return factory[kind](dtype, max_length, threads)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[name for name in LABELS if name not in OURS])
    parser.add_argument("--max-length", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--reference")
    options = parser.parse_args()
    if options.reference:
        sys.path.insert(0, os.path.abspath(options.reference))
    # Answers alone go to standard output: libraries like to print.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    forward = make(options.name, options.max_length, options.threads)
    forward(min(128, options.max_length))
    print("ready", file=answers, flush=True)
    warm = set()
    for line in sys.stdin:
        length = int(line)
        if "flax" in options.name and length not in warm:
            forward(length)  # compiles
            warm.add(length)
        start = time.perf_counter()
        forward(length)
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
