"""Tokenise texts, make synthetic queries, and write the teacher's embeddings, shard by shard.

The held-out shard comes first, then the briefs, then training shards in a seeded random order, so
that any prefix is a fair sample.  Of most shards the teacher sees titles and first windows alone:
embedding costs it half of what training costs the student, and pairs of a query and its text teach
without it.  Run it again to go on.
"""
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from . import targets, teacher
from .prepare import query, texts
from .targets import CLS, SEP, WINDOW, WINDOWS

SHARD = 300_000
"""Tokens in a training shard, about."""
WHOLE = 8
"""Training shards that the teacher sees whole."""
EARLIER = dict(page=6.0, document=2.0, package=3.0)
"""How much sooner a kind's texts come than their number alone would have it."""
SPANS = dict(page=3, document=3, package=1)
"""Synthetic queries of a text, by kind."""


def tokenizer():
    found = Tokenizer.from_file(str(teacher.directory() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


class Writer:
    """Turns texts into items and records of one shard."""

    def __init__(self, tokens, seed):
        self.encode = tokens.encode
        vocabulary = tokens.get_vocab()
        self.inner = np.zeros(len(vocabulary), bool)
        for word, i in vocabulary.items():
            self.inner[i] = word.startswith("##")
        self.random, self.items, self.records, self.asked = random.Random(seed), [], [], []

    def item(self, ids, ask=True):
        """Keep a text; `ask` says whether the teacher is to embed it."""
        self.items.append(np.array([CLS, *ids, SEP], np.uint16))
        self.asked.append(ask)
        return len(self.items) - 1

    def text(self, text):
        return self.encode(text, add_special_tokens=False).ids

    def span(self, window):
        """Some words of a short run of a window, as a person might remember them."""
        start = self.random.randrange(max(1, len(window) - 6))
        run, words = window[start:start + self.random.randint(6, 22)], []
        for token in run:
            if self.inner[token] and words:
                words[-1].append(token)
            else:
                words.append([token])
        words = words[1:] if start and len(words) > 4 else words
        drop = self.random.choice([0.0, 0.0, 0.2, 0.4])
        kept = [word for word in words if self.random.random() >= drop] or words
        return [token for word in kept for token in word]

    def add(self, kind, item, synthetic=True, whole=True):
        ids = self.text(item["body"])
        windows = [ids[i:i + WINDOW] for i in range(0, min(len(ids), WINDOW * WINDOWS), WINDOW)]
        queries = [query(item)] if "title" in item else []
        queries = [q for q in queries if len(q.split()) >= 2 or kind == "brief" or not synthetic]
        spans = []
        for _ in range(SPANS.get(kind, 0) if synthetic and len(ids) >= 12 else 0):
            w = self.random.randrange(len(windows))
            if len(windows[w]) >= 12:
                spans.append((self.item(self.span(windows[w]), whole), w))
        self.records.append(dict(
            kind=kind, name=item["name"], section=item.get("section", ""),
            queries=[self.item(self.text(q)[:WINDOW]) for q in queries], spans=spans,
            windows=[self.item(w, whole or i == 0) for i, w in enumerate(windows)]))

    def write(self, path, teach):
        order = sorted((i for i, ask in enumerate(self.asked) if ask),
                       key=lambda i: len(self.items[i]))
        embeddings, start = np.zeros((len(self.items), teacher.WIDTH), np.float16), 0
        began, count = time.time(), sum(len(self.items[i]) for i in order)
        while start < len(order):
            length, end = len(self.items[order[start]]), start
            while (end < len(order) and len(self.items[order[end]]) == length
                   and (end - start) * length < 8192):
                end += 1
            batch = np.stack([self.items[i] for i in order[start:end]]).astype(np.int64)
            embeddings[order[start:end]] = teach(torch.from_numpy(batch)).cpu().half().numpy()
            start = end
        targets.write(path, self.items, embeddings, self.records)
        seconds = time.time() - began
        print(json.dumps(dict(shard=path.name, records=len(self.records), items=len(order),
                              tokens=count, tokens_per_second=round(count / seconds))), flush=True)


def teach(work, minutes=math.inf, shards=math.inf, seed=0, device="cpu", whole=WHOLE):
    """Write work/targets/test.npz, then train-*.npz until the minutes are over or there are so
    many shards; at least one.  The teacher embeds `whole` shards whole, of the rest titles and first
    windows."""
    out, end = Path(work, "targets"), time.time() + 60 * minutes
    out.mkdir(parents=True, exist_ok=True)
    model, tokens = teacher.Teacher(device), tokenizer()
    pages, packages, documents = (texts(work, k) for k in ("pages", "packages", "documents"))
    if not (out / "test.npz").exists():
        writer = Writer(tokens, seed)
        for kind, items in (("page", pages), ("package", packages)):
            for item in items:
                if item["test"]:
                    writer.add(kind, item, synthetic=False)
        for item in texts(work, "glosses"):
            writer.add("gloss", item, synthetic=False)
        writer.write(out / "test.npz", model)
    if not (out / "train-briefs.npz").exists():
        writer = Writer(tokens, seed)
        for item in texts(work, "briefs"):
            writer.add("brief", item)
        writer.write(out / "train-briefs.npz", model)
    order, rng = [], random.Random(seed)
    for kind, items in (("page", pages), ("package", packages), ("document", documents)):
        for item in items:
            if not item["test"]:
                order.append((-math.log(1 - rng.random()) / EARLIER[kind], kind, item))
    order.sort(key=lambda x: x[0])
    shard, size, writer = 0, 0, Writer(tokens, seed + 1)
    for place, (_, kind, item) in enumerate(order):
        size += min(len(item["body"]) // 4, WINDOW * WINDOWS) + 40
        path = out / f"train-{shard:04}.npz"
        if not path.exists():
            writer.add(kind, item, whole=shard < whole)
        if size >= SHARD or place == len(order) - 1:
            if not path.exists():
                writer.write(path, model)
            shard, size = shard + 1, 0
            if time.time() > end or shard >= shards:
                return
            writer = Writer(tokens, seed + 1 + shard)
