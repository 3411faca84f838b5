"""What a training step sees: seeded batches of about so many tokens."""
import random
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

DEVELOPMENT = 400
"""Training records kept aside to watch progress."""
TURNS = dict(package=0.15, passage=0.09, document=0.28, text=0.06, window=0.03, title=0.04,
             entry=0.02, word=0.01, variant=0.32)
"""How often each kind of batch comes.

package:  short description with long description, and spans with the description
passage:  title or span with the window of the page or document that it belongs to
document: up to 16 windows in one pass, with the title or a span, and its first window alone
text:     first windows alone, two of packages for one of a page
window:   windows alone, of those that the teacher has seen
title:    titles and spans alone, of those that the teacher has seen
entry:    headword with dictionary entry
word:     words and fortunes alone
variant:  texts made of others' words, as the teacher sees them
"""
LENGTHS = [3, 6, 10, 16]
"""Windows in the documents of one batch, at most."""
LATER = 0.3
"""Share of the documents that are taken from some later window on."""
HARD = 0.5
"""Share of the batches of pairs that are made of groups of near titles, which are hard to tell
apart."""
NEAR = 24
"""Titles in such a group, drawn from three times as many nearest ones."""
FIRST = 0.1
"""How much more the first window counts in a long text's target: it says what the text is about."""


class Group(NamedTuple):
    sequences: list
    """Token ids of each text."""
    wanted: torch.Tensor
    """The teacher's embeddings [n, 384], zeros where it has not seen a text."""
    items: list = ()
    """The texts' places in the targets, where they stand there as they are."""


class Pool:
    """Pairs of a query and its text: titles with the teacher's embeddings of them, and spans."""

    def __init__(self, data, titles, spans):
        self.data, self.titles, self.spans = data, titles, spans
        self.near = data.teacher([q for q, _ in titles]) if titles else torch.zeros(0, 1)

    def __len__(self):
        return len(self.titles) + len(self.spans)

    def draw(self, rng, count):
        """`count` pairs: two of three are titles where there are both."""
        share = min(len(self.titles), 2 * count // 3) if self.spans else count
        titles = rng.sample(self.titles, min(share, len(self.titles)))
        spans = rng.sample(self.spans, min(count - len(titles), len(self.spans)))
        pairs = titles + spans
        rng.shuffle(pairs)
        return pairs

    def draw_hard(self, rng, count):
        """`count` titles in groups of near ones."""
        seeds = rng.sample(range(len(self.titles)), max(1, count // NEAR))
        nearest = (self.near[seeds] @ self.near.T).topk(min(3 * NEAR, len(self.titles)), 1).indices
        chosen = {}
        for seed, row in zip(seeds, nearest.tolist()):
            for i in [seed, *rng.sample(row, min(NEAR - 1, len(row)))]:
                chosen[self.titles[i][1]] = self.titles[i]
        pairs = list(chosen.values())
        rng.shuffle(pairs)
        return pairs


class Batches:
    """`next()` gives (kind, groups).  Where there are two groups, the first holds the queries of
    the second; documents have a third, their first windows.  Processes that train together draw
    batches of the same kind and size at a time, each its own texts."""

    def __init__(self, data, tokens, seed, process=0):
        self.data, self.tokens = data, tokens
        self.kinds, self.random = random.Random(seed), random.Random(seed + 7919 * process)
        variants = [r for r in data.records if r["kind"] == "variant"]
        records = [r for r in data.records if r["kind"] != "variant"]
        random.Random(0).shuffle(records)
        asked = [r for r in records if r["queries"] and r["kind"] in ("package", "page")]
        self.development = asked[:min(DEVELOPMENT, len(asked) // 10)]
        kept = {(r["kind"], r["name"]) for r in self.development}
        records = [r for r in records if (r["kind"], r["name"]) not in kept]
        of = {kind: [r for r in records if r["kind"] == kind]
              for kind in ("package", "page", "document", "brief")}
        self.documents = [r for r in of["page"] + of["document"] if len(r["windows"]) >= 2]
        self.titled = [r for r in self.documents if r["queries"]]
        self.titles = data.teacher([r["queries"][0] for r in self.titled])
        taught = data.embeddings.any(1)
        self.firsts = [[r["windows"][0] for r in of[kind] if taught[r["windows"][0]]]
                       for kind in ("package", "page")]
        pools = dict(
            package=self.pool(of["package"]), passage=self.pool(of["page"] + of["document"]),
            entry=self.pool(of["brief"]), document=self.documents, text=sum(self.firsts, []),
            word=[r["windows"][0] for r in of["brief"] if not r["queries"]],
            variant=[r["windows"][0] for r in variants if (r["of"], r["name"]) not in kept],
            title=[i for r in records if r["kind"] != "brief"
                   for i in (*r["queries"], *(s for s, _ in r["spans"])) if taught[i]],
            window=[w for r in records if r["kind"] != "brief"
                    for w in r["windows"] if taught[w]])
        self.turns = {k: v for k, v in TURNS.items() if len(pools[k]) >= 8}
        self.pools = pools

    def pool(self, records):
        return Pool(self.data, [(q, r["windows"][0]) for r in records for q in r["queries"]],
                    [(s, r["windows"][w]) for r in records for s, w in r["spans"]])

    def next(self):
        kind = self.kinds.choices(list(self.turns), list(self.turns.values()))[0]
        if kind == "document":
            return kind, self.document()
        if kind == "text":
            some = [i for share, pool in zip((400, 200), self.firsts)
                    for i in self.random.sample(pool, min(share, len(pool)))]
            self.random.shuffle(some)
            return kind, [self.group(self.cut(some, self.length))]
        pool = self.pools[kind]
        if kind in ("window", "title", "word", "variant"):
            some = self.random.sample(pool, min(len(pool), 600))
            return kind, [self.group(self.cut(some, self.length))]
        hard = self.kinds.random() < HARD and len(pool.titles) > 10 * NEAR
        pairs = (pool.draw_hard if hard else pool.draw)(self.random, 240)
        pairs = self.cut(pairs, lambda p: self.length(p[0]) + self.length(p[1]))
        return kind, [self.group([q for q, _ in pairs]), self.group([d for _, d in pairs])]

    def length(self, item):
        return int(self.data.lengths[item])

    def group(self, items):
        return Group([self.data[i] for i in items], self.data.teacher(items), items)

    def cut(self, items, size):
        """The first of `items`, about self.tokens tokens of them."""
        ends = np.cumsum([size(x) for x in items])
        return items[:max(2, int(np.searchsorted(ends, self.tokens, "right")))]

    def document(self):
        """Whole documents in one pass; the target is what chunk-and-average gives, with more
        weight on the first window."""
        most = self.kinds.choice(LENGTHS)
        if self.kinds.random() < HARD and self.titled:
            some = self.near_titles()
        else:
            some = self.random.sample(self.documents, min(len(self.documents), 64))
        some = self.cut(some, lambda r: 254 * min(most, len(r["windows"])))
        questions, bodies, wanted, firsts = [], [], [], []
        for record in some:
            start, titles = 0, list(record["queries"]) * 8
            if self.random.random() < LATER:                # a title belongs to the beginning
                start, titles = self.random.randrange(len(record["windows"]) - 1), []
            part = record["windows"][start:start + most]
            ask = titles + [s for s, w in record["spans"] if start <= w < start + len(part)]
            questions.append(self.random.choice(ask) if ask else part[0])
            bodies.append(self.data.joined(part))
            firsts.append(part[0])
            target, first = self.data.chunked(part), self.data.teacher([part[0]])[0]
            wanted.append(F.normalize(target + FIRST * first * target.any(), dim=0))
        return [self.group(questions), Group(bodies, torch.stack(wanted)),
                self.group(firsts)]

    def near_titles(self):
        """Documents whose titles are nearest to one's."""
        seed = self.random.randrange(len(self.titled))
        near = (self.titles @ self.titles[seed]).topk(min(2 * NEAR, len(self.titled))).indices
        some = self.random.sample(near.tolist(), min(NEAR, len(near)))
        return [self.titled[i] for i in dict.fromkeys([seed, *some])]
