"""What schemathesis has to be told: how lines of JSON are written."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    if isinstance(value, bytes):
        return value
    return (json.dumps(value) + "\n").encode()
