"""Writes answers.json and entities.json: what Hugging Face's pipelines make of given scores.

    python make.py VOCAB.txt      (torch, transformers 4.57.6; VOCAB: ../tokenizer/vocab.txt)

The scores are random and belong to no model; what is recorded is the pipelines' post-processing.
"""
import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertTokenizerFast
from transformers.pipelines.question_answering import QuestionAnsweringPipeline, SquadExample
from transformers.pipelines.token_classification import (
    AggregationStrategy, TokenClassificationPipeline)

HERE = Path(__file__).parent
tokenizer = BertTokenizerFast(sys.argv[1], do_lower_case=True)
WORDS = ("the antidisestablishmentarianism of Zürich, café crème: 😀 unbelievably tokenization! "
         "São Paulo's 3.14 miles (north) hyperparameters 日本語 gruyère Ünïcode").split()


def text(random, count):
    return " ".join(random.choice(WORDS) for _ in range(count))


def entities():
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
    cases = []
    for seed in range(12):
        rng, nprng = random.Random(seed), np.random.default_rng(seed)
        sentence = text(rng, rng.randint(1, 14))
        encoding = tokenizer(sentence, return_offsets_mapping=True,
                             return_special_tokens_mask=True, return_tensors="pt")
        logits = nprng.normal(0, 2, (1, encoding["input_ids"].shape[1], len(labels)))
        logits = logits.round(3).astype(np.float32)
        case = {"text": sentence, "labels": labels, "logits": logits[0].tolist(), "expected": {}}
        for strategy in AggregationStrategy:
            pipe = TokenClassificationPipeline.__new__(TokenClassificationPipeline)
            pipe.tokenizer, pipe.framework = tokenizer, "pt"
            pipe.model = type("M", (), {"config": BertConfig(id2label=dict(enumerate(labels)))})
            out = pipe.postprocess([{
                "logits": torch.tensor(logits), "sentence": sentence,
                "input_ids": encoding["input_ids"], "offset_mapping": encoding["offset_mapping"],
                "special_tokens_mask": encoding["special_tokens_mask"]}], strategy)
            for entity in out:
                entity["score"] = float(entity["score"])
            case["expected"][strategy.value] = out
        cases.append(case)
    return cases


def answers():
    cases = []
    for seed in range(12):
        rng, nprng = random.Random(100 + seed), np.random.default_rng(seed)
        question, context = text(rng, 4), text(rng, rng.randint(6, 60))
        maximum, stride = rng.choice([(40, 8), (60, 20), (512, 128)])
        encoding = tokenizer(question, context, truncation="only_second", max_length=maximum,
                             stride=stride, return_overflowing_tokens=True,
                             return_offsets_mapping=True, padding=False)
        top, length = rng.choice([1, 3, 5]), rng.choice([3, 15])
        impossible, align = rng.random() < 0.5, rng.random() < 0.7
        outputs, windows = [], []
        for index in range(len(encoding["input_ids"])):
            ids = encoding["input_ids"][index]
            start = nprng.normal(0, 3, (1, len(ids))).round(3).astype(np.float32)
            end = nprng.normal(0, 3, (1, len(ids))).round(3).astype(np.float32)
            p_mask = [int(part != 1) for part in encoding.sequence_ids(index)]
            p_mask[0] = 0
            outputs.append({
                "start": start, "end": end, "p_mask": p_mask,
                "attention_mask": torch.ones(1, len(ids), dtype=torch.int64),
                "example": SquadExample(None, question, context, None, None, None),
                "encoding": encoding[index], "input_ids": torch.tensor([ids])})
            windows.append({"ids": ids, "start": start[0].tolist(), "end": end[0].tolist()})
        pipe = QuestionAnsweringPipeline.__new__(QuestionAnsweringPipeline)
        pipe.tokenizer, pipe.framework = tokenizer, "pt"
        out = pipe.postprocess(outputs, top_k=top, max_answer_len=length,
                               handle_impossible_answer=impossible, align_to_words=align)
        out = [out] if isinstance(out, dict) else out
        cases.append({
            "question": question, "context": context, "maximum": maximum, "stride": stride,
            "topK": top, "maxAnswerLen": length, "handleImpossibleAnswer": impossible,
            "alignToWords": align, "windows": windows,
            "expected": [{**answer, "score": float(answer["score"])} for answer in out]})
    return cases


for name, cases in (("entities", entities()), ("answers", answers())):
    (HERE / f"{name}.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
