"""Makes Tests/TestSupport/Fixtures/learning: data sets and what scikit-learn makes of them.

    pip install scikit-learn==1.* numpy safetensors
    python Tests/LearningTests/make_fixtures.py
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent.parent / "TestSupport/Fixtures/learning"


def blobs(rng, rows, dimensions, classes, spread):
    centres = rng.normal(size=(classes, dimensions))
    labels = rng.integers(0, classes, size=rows)
    scales = rng.uniform(0.05, 20, size=dimensions)
    vectors = (centres[labels] + spread * rng.normal(size=(rows, dimensions))) * scales + 3 * scales
    return vectors.astype(np.float32), labels


def folded(pipeline, heads):
    scaler = pipeline[0]
    weights = np.concatenate([head.coef_ for head in heads]) / scaler.scale_
    bias = np.concatenate([head.intercept_ for head in heads]) - weights @ scaler.mean_
    return weights, bias


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(20)
    facts = {}
    for name, rows, dimensions, classes, spread, c in [
        ("three", 90, 5, 3, 1.0, 1.0),
        ("weak", 60, 12, 4, 2.0, 0.01),
        ("strong", 150, 8, 5, 1.5, 100.0),
    ]:
        vectors, labels = blobs(rng, rows, dimensions, classes, spread)
        options = {"C": c, "tol": 1e-10, "max_iter": 100_000}
        softmax = make_pipeline(StandardScaler(), LogisticRegression(**options))
        softmax.fit(vectors.astype(np.float64), labels)
        probabilities = softmax.predict_proba(vectors.astype(np.float64))
        weights, bias = folded(softmax, [softmax[1]])

        # Several labels a row: the class, and whether two of the numbers are large.
        flags = np.zeros((rows, classes), dtype=np.int32)
        flags[np.arange(rows), labels] = 1
        flags[:, 0] |= vectors[:, 0] > np.median(vectors[:, 0])
        flags[:, 1] |= vectors[:, 1] > np.median(vectors[:, 1])
        sigmoid = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(**options)))
        sigmoid.fit(vectors.astype(np.float64), flags)
        independent = sigmoid.predict_proba(vectors.astype(np.float64))
        flag_weights, flag_bias = folded(sigmoid, [e for e in sigmoid[1].estimators_])

        # safetensors writes memory as it lies, whatever the strides say.
        save_file(
            {key: np.ascontiguousarray(array) for key, array in {
                "vectors": vectors,
                "labels": labels.astype(np.int32),
                "softmax.weight": weights.astype(np.float32),
                "softmax.bias": bias.astype(np.float32),
                "softmax.probabilities": probabilities.astype(np.float32),
                "flags": flags,
                "sigmoid.weight": flag_weights.astype(np.float32),
                "sigmoid.bias": flag_bias.astype(np.float32),
                "sigmoid.probabilities": independent.astype(np.float32),
            }.items()},
            FOLDER / f"{name}.safetensors",
        )
        predicted = probabilities.argmax(1)
        chosen = (independent > 0.5).astype(int)
        facts[name] = {
            "classes": classes,
            "c": c,
            "accuracy": accuracy_score(labels, predicted),
            "macro_f1": f1_score(labels, predicted, average="macro"),
            "log_loss": log_loss(labels, probabilities),
            "subset_accuracy": accuracy_score(flags, chosen),
            "flag_macro_f1": f1_score(flags, chosen, average="macro", zero_division=0),
        }
    (FOLDER / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


main()
