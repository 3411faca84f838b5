"""Model directories with random weights, of the reference's names and shapes."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SIZES = {
    "large": dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=23),
    "base": dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12),
}


def write(folder: Path, size: str, vocabulary: Path, positions: int = 4096) -> None:
    """A checkpoint of `size` with `positions`, and a tokenizer with the words of `vocabulary`."""
    folder.mkdir(parents=True)
    shutil.copy(vocabulary, folder / "vocab.txt")
    words = len(vocabulary.read_text().splitlines())
    config = {
        "architectures": ["BiGSModel"], "model_type": "BiGS", "vocab_size": words, "num_ssm": 64,
        "max_position_embeddings": positions, "type_vocab_size": 2, "pad_token_id": 0,
        "pre_norm": True, "padding": "none", **SIZES[size],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    save_file(_tensors(config), folder / "model.safetensors", metadata={"format": "pt"})


def _tensors(config: dict) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    hidden, gate = config["hidden_size"], config["intermediate_size"]
    states = config["num_ssm"]
    tensors: dict[str, np.ndarray] = {}

    def normal(*shape: int, scale: float = 0.02) -> np.ndarray:
        return (scale * random.standard_normal(shape, dtype=np.float32)).astype(np.float32)

    def dense(name: str, outputs: int, inputs: int) -> None:
        tensors[f"{name}.weight"] = normal(outputs, inputs)
        tensors[f"{name}.bias"] = np.zeros(outputs, np.float32)

    def norm(name: str) -> None:
        tensors[f"{name}.weight"] = np.ones(hidden, np.float32)
        tensors[f"{name}.bias"] = np.zeros(hidden, np.float32)

    for name, rows in (
        ("word", config["vocab_size"]), ("position", config["max_position_embeddings"]),
        ("token_type", config["type_vocab_size"]),
    ):
        tensors[f"embeddings.{name}_embeddings.weight"] = normal(rows, hidden)
    norm("embeddings.LayerNorm")
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        norm(f"{layer}.LayerNorm")
        for direction in ("fs4", "bs4"):
            ssm = f"{layer}.{direction}"
            tensors[f"{ssm}.D"] = np.ones(1, np.float32)
            tensors[f"{ssm}.kernel.A_re"] = np.full(states, -0.5, np.float32)
            tensors[f"{ssm}.kernel.A_im"] = np.float32(math.pi) * np.arange(
                states, dtype=np.float32)
            tensors[f"{ssm}.kernel.C"] = normal(states, 2, scale=0.5**0.5)
            tensors[f"{ssm}.kernel.log_step"] = np.array(
                [random.uniform(math.log(0.01), math.log(1))], np.float32)
        dense(f"{layer}.dv", gate, hidden)
        for name in ("du_forward", "du_backward", "duc_forward", "duc_backward"):
            dense(f"{layer}.{name}", hidden, hidden)
        dense(f"{layer}.dol", gate, hidden)
        dense(f"{layer}.do", hidden, gate)
    dense("pooler.dense", hidden, hidden)
    return tensors
