#!/usr/bin/env bash
# check_schema.sh PATH/TO/bigs PATH/TO/venv/bin [MODEL_DIRECTORY] [EXAMPLES]
# Validates /openapi.json, lets schemathesis ask the server what it describes, and checks /metrics.
set -euo pipefail
program=$(realpath "$1") bin=$(realpath "$2") model=${3:-} examples=${4:-25}
work=$(mktemp -d)
key=schema-test-key
"$program" serve --port 0 --store "$work/store.sqlite" ${model:+--model "$model"} --api-key $key \
    2> "$work/log" &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$work"' EXIT

url=
for _ in $(seq 600); do
    url=$(sed -n 's/.*address=\([^ ]*\).*listening.*/http:\/\/\1/p' "$work/log" | head -1)
    [ -n "$url" ] && curl -sf -o /dev/null "$url/ready" && break
    kill -0 $server || { cat "$work/log"; exit 1; }
    sleep 0.2
done

curl -sf -o "$work/openapi.json" "$url/openapi.json"
"$bin/openapi-spec-validator" "$work/openapi.json"

# All checks, so that a 5xx, a status or a body that is not described, a refused right request or a
# taken wrong one fails. Missing keys are among the wrong requests.
here=$(realpath "$(dirname "$0")")
cd "$work" # schemathesis leaves its notes where it runs
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 \
    "$bin/schemathesis" --config-file "$here/schemathesis.toml" run "$work/openapi.json" --url "$url" \
    --header "Authorization: Bearer $key" --max-examples "$examples" --seed 1 \
    --phases examples,coverage,fuzzing --workers 1 --request-timeout 60 \
    || { grep -E "^[^ ]+ (error|critical) " "$work/log" || true; exit 1; }

if command -v promtool > /dev/null; then
    # text-embeddings-inference's names are as they are; nothing else may be remarked.
    remarks=$(curl -sf "$url/metrics" | promtool check metrics 2>&1 | grep -v '^te_' || true)
    [ -z "$remarks" ] || { echo "$remarks"; exit 1; }
    echo "promtool: nothing to remark"
fi
if grep -E "^[^ ]+ (error|critical) " "$work/log"; then exit 1; fi
