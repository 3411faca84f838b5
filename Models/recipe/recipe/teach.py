"""Tokenise texts, make synthetic queries, and write the teacher's embeddings, shard by shard.

Beside the texts stand variants of them (`vary`): a student sees the same texts again and again, and
on those it comes much nearer to the teacher than on others.

The held-out shard comes first, then the briefs, then training shards in a seeded random order, so
that any prefix is a fair sample.  Of most shards the teacher sees titles and first windows alone:
embedding costs it half of what training costs the student, and pairs of a query and its text teach
without it.  Run it again to go on.
"""
import json
import math
import random
import time
from collections import Counter
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
VARIANTS = dict(package=3, page=4, document=1)
"""Variants of a text's first window, by kind; of each further window taken, and of a title, one."""
FURTHER = 0.2
"""Share of the further windows that are taken for variants."""
OFTEN = 3
"""Words of fewer occurrences are not put in for others: most are numbers and fragments."""


def tokenizer():
    found = Tokenizer.from_file(str(teacher.directory() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


class Variants:
    """Texts made of others': runs of words, runs of two texts joined, words put in for others (as
    in Jiao et al., arXiv 1909.10351).  Rare words come as often as common ones."""

    def __init__(self, data, tokens, seed):
        self.data, self.random, self.inner = data, random.Random(seed), inner(tokens)
        count = Counter(w for r in data.records for i in (*r["queries"], *r["windows"])
                        for w in self.words(i))
        self.rare = [w for w, n in count.items() if n >= OFTEN]

    def words(self, item):
        """A text's words, each a tuple of its tokens."""
        return [tuple(x) for x in split(self.data[item][1:-1].tolist(), self.inner)]

    def run(self, words, least):
        """A run of words, from a share `least` of them to all."""
        size = max(1, round(len(words) * self.random.uniform(least, 1)))
        start = self.random.randrange(len(words) - size + 1)
        return words[start:start + size]

    def other(self, pool):
        """A word of a text in the pool, or as often one of all words that are known."""
        if self.random.random() < 0.5:
            return self.random.choice(self.rare)
        words = self.words(self.random.choice(pool))
        return self.random.choice(words) if words else self.random.choice(self.rare)

    def vary(self, item, pool):
        """Token ids of a variant, at most a window of them."""
        words = self.words(item)
        if self.random.random() < 0.5:
            words = self.run(words, 0.25)
        if self.random.random() < 0.25:
            words = words + self.run(self.words(self.random.choice(pool)) or words, 0.1)
        rate = self.random.choice([0.0, 0.1, 0.2, 0.35])
        words = [self.other(pool) if self.random.random() < rate else w for w in words]
        return [token for w in words for token in w][:WINDOW]

    def items(self):
        """The texts to vary, in a random order, each once for every variant: (record, item, pool)."""
        records = [r for r in self.data.records if r["kind"] in VARIANTS]
        firsts = {k: [r["windows"][0] for r in records if r["kind"] == k] for k in VARIANTS}
        titles = [q for r in records for q in r["queries"]]
        chosen = []
        for r in records:
            further = [w for w in r["windows"][1:] if self.random.random() < FURTHER]
            windows = [r["windows"][0]] * VARIANTS[r["kind"]] + further
            chosen += [(r, w, firsts[r["kind"]]) for w in windows]
            chosen += [(r, q, titles) for q in r["queries"]]
        self.random.shuffle(chosen)
        return [x for x in chosen if self.data.lengths[x[1]] > 4]


def inner(tokens):
    """Whether a token goes on with a word, by its number."""
    found = np.zeros(len(tokens.get_vocab()), bool)
    for word, i in tokens.get_vocab().items():
        found[i] = word.startswith("##")
    return found


def split(ids, inner):
    """Tokens as words: lists of a first token and those that go on with it."""
    words = []
    for token in ids:
        if inner[token] and words:
            words[-1].append(token)
        else:
            words.append([token])
    return words


class Writer:
    """Turns texts into items and records of one shard."""

    def __init__(self, tokens, seed):
        self.encode = tokens.encode
        self.inner = inner(tokens)
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
        words = split(window[start:start + self.random.randint(6, 22)], self.inner)
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


def vary(work, minutes=math.inf, shards=math.inf, seed=0, device="cpu"):
    """Write variants of the training texts that are taught, work/targets/train-variants-SEED-*.npz, until
    the minutes are over or there are so many shards."""
    out, end = Path(work, "targets"), time.time() + 60 * minutes
    model, tokens = teacher.Teacher(device), tokenizer()
    paths = [x for x in sorted(out.glob("train-*.npz")) if "variants" not in x.name]
    variants = Variants(targets.Targets(paths), tokens, seed)
    shard, size, writer = 0, 0, Writer(tokens, seed)
    chosen = variants.items()
    for place, (record, item, pool) in enumerate(chosen):
        ids = variants.vary(item, pool)
        writer.records.append(dict(kind="variant", of=record["kind"], name=record["name"],
                                   section="", queries=[], spans=[], windows=[writer.item(ids)]))
        size += len(ids) + 2
        if size >= 4 * SHARD or place == len(chosen) - 1:
            path = out / f"train-variants-{seed}-{shard:02}.npz"
            if not path.exists():
                writer.write(path, model)
            shard, size, writer = shard + 1, 0, Writer(tokens, seed)
            if time.time() > end or shard >= shards:
                return


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
