# shellcheck shell=bash
# What the programs that measure share. Sourced after Deploy/prepare.sh, which sets `root`.

# Makes the virtual environment, once for each state of the requirements; sets `python`.
prepare_python() {
    local venv=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/bigs-peers/venv}
    local requirements="$root/Deploy/peers/requirements.txt"
    export PYTHONDONTWRITEBYTECODE=1
    python="$venv/bin/python"
    if cmp -s "$requirements" "$venv/requirements.txt"; then return; fi
    say "Installing the peers' packages into $venv."
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet -r "$requirements" >&2
    cp "$requirements" "$venv/requirements.txt"
}

# Builds the program; sets `bigs`.
prepare_bigs() {
    prepare
    say "Building in release mode."
    swift build --package-path "$root" -c release --product bigs >&2
    bigs=$(swift build --package-path "$root" -c release --show-bin-path)/bigs
}
