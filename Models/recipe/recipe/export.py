"""A model's directory from a training run: weights, configuration, tokenizer, pooling, card."""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from . import card, curves, teacher
from .model import load_weights
from .targets import WINDOW, WINDOWS

LAST = WINDOW * WINDOWS + 1
"""The last position that training sees."""
TOKENIZER = dict(
    tokenizer_class="BertTokenizer", do_lower_case=True, unk_token="[UNK]", sep_token="[SEP]",
    pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]", tokenize_chinese_chars=True,
    strip_accents=None, model_max_length=4096)


def stored(tensors):
    """Matrices in bfloat16; kernels, norms and biases in float32 (A_im goes to 63 pi, and rounding
    it would alter the kernels)."""
    return {k: (v.bfloat16() if v.dim() == 2 and ".kernel." not in k else v.float()).contiguous()
            for k, v in tensors.items()}


def save(tensors, path):
    """A safetensors file that everybody may read."""
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)


def tokenizer(out):
    """The teacher's tokenizer files, without truncation or padding."""
    source = teacher.directory()
    for name in ("vocab.txt", "special_tokens_map.json"):
        shutil.copyfile(source / name, out / name)
    content = json.loads((source / "tokenizer.json").read_text())
    content["truncation"] = content["padding"] = None
    (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False))
    (out / "tokenizer_config.json").write_text(json.dumps(TOKENIZER, indent=2))


def averaged(tensors, directory, share=0.5):
    """The mean of these weights, with this share, and those of the model that the run started from:
    it keeps what either is better at (Wortsman et al., arXiv 2109.01903)."""
    _, earlier = load_weights(directory)
    return {k: v if k == "teacher_projection" else share * v + (1 - share) * earlier[k]
            for k, v in tensors.items()}


def weights(work, out, average=None, share=0.5):
    """The embedding model of work/run, without its card; `average` is the directory of the model
    that the run started from, where the mean of both is wanted, `share` the run's part in it."""
    out = Path(out)
    (out / "1_Pooling").mkdir(parents=True, exist_ok=True)
    run = Path(work, "run")
    config = json.loads((run / "config.json").read_text())
    tensors = load_file(run / "weights.safetensors")
    if average:
        tensors = averaged(tensors, average, share)
    projection = tensors.pop("teacher_projection")
    hidden = config["hidden_size"]
    places = tensors["embeddings.position_embeddings.weight"]
    places[LAST + 1:] = places[LAST]                             # no text of training is longer
    tensors["pooler.dense.weight"] = torch.eye(hidden)           # untrained: tanh of the mean
    tensors["pooler.dense.bias"] = torch.zeros(hidden)
    save(stored(tensors), out / "model.safetensors")
    save({"teacher_projection": projection}, out / "teacher_projection.safetensors")
    (out / "config.json").write_text(json.dumps(config, indent=2))
    (out / "1_Pooling/config.json").write_text(json.dumps(dict(
        word_embedding_dimension=hidden, pooling_mode_cls_token=False,
        pooling_mode_mean_tokens=True, pooling_mode_max_tokens=False,
        pooling_mode_mean_sqrt_len_tokens=False), indent=2))
    tokenizer(out)


def describe(work, out, results, before=None):
    """The card, from `evaluate`'s JSON of this model and, to compare, of an earlier one."""
    log = [json.loads(line) for line in Path(work, "run/log.jsonl").read_text().splitlines()]
    read = [None if path is None else json.loads(Path(path).read_text())
            for path in (results, before)]
    curves.draw(curves.of_training(log), Path(out) / "loss.svg")
    (Path(out) / "README.md").write_text(card.embedding(work, log, *read))
