"""Near-duplicates and leaks, by hashed runs of words; the same on every machine."""
import re
import zlib
from collections import Counter

import numpy as np

RUN = 8
"""Words in a run when two texts are compared for a leak."""
_MULTIPLIERS = np.random.RandomState(0).randint(1, 2**62, 16).astype(np.uint64) * 2 + 1
_ODD = np.uint64(0x9E3779B97F4A7C15)
_words = {}


def runs(text, length):
    """Hashes of all runs of `length` words [uint64]; a shorter text gives one."""
    ids = []
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        number = _words.get(word)
        if number is None:
            number = _words[word] = zlib.crc32(word.encode())
        ids.append(number)
    ids = np.array(ids + [0] * max(0, length - len(ids)), np.uint64)
    value = np.zeros(len(ids) - length + 1, np.uint64)
    with np.errstate(over="ignore"):
        for i in range(length):
            value = (value ^ ids[i:i + len(value)]) * _ODD
            value ^= value >> np.uint64(29)
    return value


def bands(text):
    """Four keys; two texts that share one are taken for near-duplicates (about 0.7 Jaccard)."""
    value = runs(text[:20_000], 4)
    with np.errstate(over="ignore"):
        mixed = value[None] * _MULTIPLIERS[:, None]
        mixed ^= mixed >> np.uint64(32)
        least = (mixed * _ODD).min(1)
    return [(i, *least[4 * i:4 * i + 4].tolist()) for i in range(4)]


def without(items, seen):
    """The items of which no near-duplicate came before; `seen` goes from one call to the next."""
    kept = []
    for item in items:
        keys = bands(item["body"])
        if seen.isdisjoint(keys):
            kept.append(item)
        seen.update(keys)
    return kept


class Held:
    """Held-out texts, to be looked for in training texts."""

    def __init__(self, items, length=RUN, least=8):
        """Runs of `length` words; texts of fewer than `least` runs are only looked for whole."""
        self.length, self.least = length, least
        hashes = [np.unique(runs(item["body"], length)) for item in items]
        self.sizes = np.array([len(h) for h in hashes], np.int64)
        owner = np.repeat(np.arange(len(hashes)), self.sizes)
        joined = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
        order = np.argsort(joined, kind="stable")
        self.hashes, self.owner = joined[order], owner[order]

    def shared(self, text):
        """(share of the text's runs that are held out, {held-out item: share of it in the text})"""
        found = np.unique(runs(text, self.length))
        low = np.searchsorted(self.hashes, found, "left")
        high = np.searchsorted(self.hashes, found, "right")
        owners = Counter()
        for a, b in zip(low[high > low], high[high > low]):
            owners.update(self.owner[a:b].tolist())
        own = float((high > low).mean())
        return own, {i: n / self.sizes[i] for i, n in owners.items()}

    def leaks(self, text, limit=0.5):
        """Whether half of the text is held out, or half of a held-out text is in it."""
        own, others = self.shared(text)
        return own > limit or any(s > limit and self.sizes[i] >= self.least
                                  for i, s in others.items())
