"""Texts as tokens with the teacher's embedding of each: what `teach` writes and the rest reads.

A shard holds items (token ids with [CLS] and [SEP], teacher embedding or zeros where the teacher
was not asked) and records over them:
{kind, name, section, queries: [item], spans: [[item, window]], windows: [item]}.
A text's windows are its consecutive runs of 254 tokens; its body is all of them.
"""
import json
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

CLS, SEP = 101, 102
WINDOW, WINDOWS = 254, 16
"""Tokens in a window, and windows in the longest text: 4,066 tokens with [CLS] and [SEP]."""


class Targets:
    """Items and records of one or several shards, held in memory."""

    def __init__(self, paths):
        tokens, lengths, embeddings, self.records, first = [], [], [], [], 0
        for path in paths:
            with np.load(path) as shard:
                tokens.append(shard["tokens"])
                lengths.append(shard["lengths"])
                embeddings.append(shard["embeddings"])
                records = json.loads(str(shard["records"]))
            for record in records:
                for key in ("queries", "windows"):
                    record[key] = [i + first for i in record[key]]
                record["spans"] = [(i + first, w) for i, w in record["spans"]]
            self.records += records
            first += len(lengths[-1])
        self.tokens, self.lengths = np.concatenate(tokens), np.concatenate(lengths)
        self.ends = np.cumsum(self.lengths)
        self.embeddings = np.concatenate(embeddings)

    def __getitem__(self, item):
        return self.tokens[self.ends[item] - self.lengths[item]:self.ends[item]]

    def teacher(self, items):
        """Teacher embeddings [n, 384] of items."""
        return torch.from_numpy(self.embeddings[np.asarray(items, np.int64)].astype(np.float32))

    def joined(self, windows, most=4096):
        """One text of consecutive windows, at most `most` tokens with [CLS] and [SEP]."""
        body = np.concatenate([self[w][1:-1] for w in windows])[:most - 2]
        return np.concatenate([[CLS], body, [SEP]])

    def chunked(self, windows):
        """The teacher's embedding of a text of many windows: their mean by length [384]; zeros
        where a window is not taught."""
        weight = torch.from_numpy(self.lengths[np.asarray(windows)] - 2.0).float()[:, None]
        parts = self.teacher(windows)
        if not bool(parts.any(1).all()):
            return torch.zeros(parts.shape[1])
        return F.normalize((parts * weight).sum(0), dim=0)


def held_out(work):
    return Targets([Path(work, "targets", "test.npz")])


def training(work):
    paths = sorted(Path(work, "targets").glob("train-*.npz"))
    if not paths:
        raise SystemExit("no targets to train on: run `teach` first")
    return Targets(paths)


def write(path, items, embeddings, records):
    partial = Path(str(path) + ".part.npz")
    np.savez(partial, tokens=np.concatenate(items), embeddings=embeddings,
             lengths=np.array([len(x) for x in items]), records=np.array(json.dumps(records)))
    os.replace(partial, path)


def padded(sequences, device="cpu"):
    """(ids [B, L] padded on the right with 0, lengths [B])."""
    lengths = [len(s) for s in sequences]
    ids = np.zeros((len(sequences), max(lengths)), np.int64)
    for row, sequence in zip(ids, sequences):
        row[:len(sequence)] = sequence
    return torch.from_numpy(ids).to(device), torch.tensor(lengths, device=device)
