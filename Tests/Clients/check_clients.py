"""Asks a running bigs through unmodified clients, and compares with `bigs embed` and `classify`.

    python check_clients.py PATH/TO/bigs [--classifier MODEL_DIRECTORY]
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import numpy

KEY = "client-test-key"
TEXTS = [
    "A state space model reads a document in one pass.",
    "The cat sat on the mat.\nThen it left.",
    "Ein Satz mit Umlauten: äöü, und 日本語.",
]
# langchain-huggingface takes newlines out of texts.
FLAT = [text.replace("\n", " ") for text in TEXTS]
TOLERANCE = 1e-6


class Server:
    """A `bigs serve` on a port of its own."""

    def __init__(self, program, arguments=()):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        environment = dict(os.environ, BIGS_API_KEY=KEY)
        self.process = subprocess.Popen(
            [program, "serve", "--port", "0", "--store", "none", *arguments],
            stderr=self.log, env=environment)
        self.url = None
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with open(self.log.name) as log:
                found = re.search(r"address=(\S+)", log.read())
            if found and self.ready(f"http://{found[1]}"):
                self.url = f"http://{found[1]}"
                return
            time.sleep(0.1)
        with open(self.log.name) as log:
            sys.exit(log.read())

    @staticmethod
    def ready(url):
        try:
            return urllib.request.urlopen(url + "/ready").status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def model(self):
        request = urllib.request.Request(
            self.url + "/v1/models", headers={"Authorization": f"Bearer {KEY}"})
        return json.load(urllib.request.urlopen(request))["data"][0]["id"]

    def stop(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            sys.exit(f"the server ended with {self.process.returncode}")


def run(program, command, texts, arguments=()):
    """What the command line prints, one object a text."""
    lines = "".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
    done = subprocess.run(
        [program, command, "--jsonl", *arguments], input=lines, capture_output=True, text=True,
        check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Checks:
    def __init__(self):
        self.failed = 0

    def same(self, name, got, expected):
        got, expected = numpy.asarray(got, float), numpy.asarray(expected, float)
        if got.shape != expected.shape:
            self.report(name, f"shape {got.shape}, expected {expected.shape}")
            return
        worst = float(abs(got - expected).max())
        self.report(name, None if worst <= TOLERANCE else f"differs by {worst}", worst)

    def equal(self, name, got, expected):
        self.report(name, None if got == expected else f"{got}, expected {expected}")

    def attempt(self, client, *arguments):
        """Runs one client's checks; what it raises is one failure, and the others go on."""
        try:
            client(self, *arguments)
        except Exception as error:
            self.report(client.__name__, f"{type(error).__name__}: {error}".splitlines()[0])

    def report(self, name, trouble, worst=None):
        self.failed += trouble is not None
        detail = trouble or ("" if worst is None else f"largest difference {worst:.1e}")
        print(f"{'FAILED' if trouble else 'ok':7}{name}  {detail}".rstrip(), flush=True)


def embedding_clients(checks, program):
    expected = numpy.array([line["embedding"] for line in run(program, "embed", TEXTS)])
    flat = numpy.array([line["embedding"] for line in run(program, "embed", FLAT)])
    server = Server(program)
    try:
        for client in [openai_client, hub_client, langchain_clients, llama_index, cohere_clients]:
            checks.attempt(client, server, expected, flat)
    finally:
        server.stop()


def openai_client(checks, server, expected, _):
    import openai

    model = server.model()
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=KEY)
    answer = client.embeddings.create(model=model, input=TEXTS)
    checks.same("openai base64", [item.embedding for item in answer.data], expected)
    answer = client.embeddings.create(model=model, input=TEXTS, encoding_format="float")
    checks.same("openai float", [item.embedding for item in answer.data], expected)
    answer = client.embeddings.create(model=model, input=TEXTS[0], dimensions=64)
    cut = expected[0][:64] / numpy.linalg.norm(expected[0][:64])
    checks.same("openai dimensions", answer.data[0].embedding, cut)
    checks.equal("openai models", [item.id for item in client.models.list()], [model])
    checks.equal("openai model", client.models.retrieve(model).id, model)
    for key, body, error in [
        ("wrong", "a", openai.AuthenticationError), (KEY, "", openai.UnprocessableEntityError),
    ]:
        other = openai.OpenAI(base_url=server.url + "/v1", api_key=key)
        try:
            other.embeddings.create(model=model, input=body)
            checks.report(f"openai {error.__name__}", "nothing was raised")
        except error as raised:
            checks.report(f"openai {error.__name__}", None if raised.body else "no body")


def hub_client(checks, server, expected, _):
    from huggingface_hub import InferenceClient

    hub = InferenceClient(model=server.url, token=KEY)
    checks.same("huggingface_hub feature_extraction", hub.feature_extraction(TEXTS), expected)
    at_route = InferenceClient(model=server.url + "/embed", token=KEY)
    checks.same(
        "huggingface_hub feature_extraction at /embed",
        at_route.feature_extraction(TEXTS[0], truncate=True), expected[:1])
    cosines = expected[1:] @ expected[0]
    checks.same(
        "huggingface_hub sentence_similarity",
        hub.sentence_similarity(TEXTS[0], TEXTS[1:]), cosines)
    at_route = InferenceClient(model=server.url + "/similarity", token=KEY)
    checks.same(
        "huggingface_hub sentence_similarity at /similarity",
        at_route.sentence_similarity(TEXTS[0], TEXTS[1:]), cosines)
    found = hub.zero_shot_classification(TEXTS[0], candidate_labels=TEXTS[1:], multi_label=True)
    scores = {label.label: label.score for label in found}
    checks.same(
        "huggingface_hub zero_shot_classification", [scores[text] for text in TEXTS[1:]],
        cosines.clip(0))


def langchain_clients(checks, server, expected, flat):
    from langchain_huggingface import HuggingFaceEndpointEmbeddings
    from langchain_openai import OpenAIEmbeddings

    chain = OpenAIEmbeddings(
        model=server.model(), base_url=server.url + "/v1", api_key=KEY,
        check_embedding_ctx_length=False)
    checks.same("langchain-openai documents", chain.embed_documents(TEXTS), expected)
    checks.same("langchain-openai query", chain.embed_query(TEXTS[1]), expected[1])
    endpoint = HuggingFaceEndpointEmbeddings(model=server.url, huggingfacehub_api_token=KEY)
    checks.same("langchain-huggingface documents", endpoint.embed_documents(TEXTS), flat)
    checks.same("langchain-huggingface query", endpoint.embed_query(FLAT[1]), flat[1])


def llama_index(checks, server, expected, _):
    from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

    llama = TextEmbeddingsInference(
        model_name=server.model(), base_url=server.url, auth_token=KEY,
        query_instruction="", text_instruction="")
    checks.same("llama-index documents", llama.get_text_embedding_batch(TEXTS), expected)
    checks.same("llama-index query", llama.get_query_embedding(TEXTS[1]), expected[1])


def cohere_clients(checks, server, expected, _):
    import cohere

    cosines = expected[1:] @ expected[0]
    order = sorted(range(len(cosines)), key=lambda index: -cosines[index])
    for name, client in [
        ("cohere v2", cohere.ClientV2(base_url=server.url, api_key=KEY)),
        ("cohere v1", cohere.Client(base_url=server.url, api_key=KEY)),
    ]:
        ranked = client.rerank(
            model=server.model(), query=TEXTS[0], documents=TEXTS[1:], top_n=2).results
        checks.equal(f"{name} rerank order", [item.index for item in ranked], order)
        checks.same(
            f"{name} rerank scores", [item.relevance_score for item in ranked], cosines[order])


def classifying_clients(checks, program, directory):
    arguments = ["--model", directory]
    expected = run(program, "classify", TEXTS, arguments)
    server = Server(program, arguments)
    try:
        checks.attempt(hub_classification, server, expected, None)
    finally:
        server.stop()


def hub_classification(checks, server, expected, _):
    from huggingface_hub import InferenceClient

    for place in ["", "/predict"]:
        client = InferenceClient(model=server.url + place, token=KEY)
        name = f"huggingface_hub text_classification at {place or '/'}"
        for text, line in zip(TEXTS, expected):
            # /predict answers a flat list, as text-embeddings-inference does, and the client takes
            # its first element.
            scores = client.text_classification(text)
            scores = scores if isinstance(scores, list) else [scores]
            wanted = line["labels"][: len(scores)]
            checks.equal(name, [s.label for s in scores], [w["label"] for w in wanted])
            checks.same(name, [s.score for s in scores], [w["score"] for w in wanted])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--classifier", help="a model with a classification head")
    options = parser.parse_args()
    checks = Checks()
    embedding_clients(checks, os.path.abspath(options.program))
    if options.classifier:
        classifying_clients(checks, os.path.abspath(options.program), options.classifier)
    print(f"{checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
