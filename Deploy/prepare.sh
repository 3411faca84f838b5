# shellcheck shell=bash
# What serve, test, install and the benchmarks share: a Swift toolchain and three system libraries.
# Sourced. Speaks on standard error only.

# The folder that holds Package.swift.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

minimum_swift="6.1"
libraries=(libfftw3-dev libsqlite3-dev libdnnl-dev)

say() { printf '%s\n' "$*" >&2; }

# Prints the version of the Swift compiler at $1, for example 6.1.2; nothing when it does not run.
swift_version() {
    "$1" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1
}

# Whether version $1 is $2 or later.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Puts the first toolchain that is new enough in front of PATH; without one says how to get it.
find_swift() {
    local candidate version too_old=""
    for candidate in "$(command -v swift || true)" /opt/swift/usr/bin/swift \
        "${SWIFTLY_BIN_DIR:-${HOME:-/root}/.local/share/swiftly/bin}/swift" \
        "${HOME:-/root}/.local/share/swiftly/bin/swift" \
        /usr/bin/swift /usr/local/bin/swift /usr/share/swift/usr/bin/swift; do
        if [ ! -x "$candidate" ]; then continue; fi
        version=$(swift_version "$candidate")
        if [ -n "$version" ] && at_least "$version" "$minimum_swift"; then
            PATH="$(dirname "$candidate"):$PATH"
            export PATH
            return 0
        fi
        too_old="$too_old, $candidate (${version:-does not run})"
    done
    say "A Swift toolchain, version $minimum_swift or later, is needed and none was found${too_old:+; found:${too_old#,}}."
    say "Get one in a minute with swiftly:  https://www.swift.org/install/linux/swiftly"
    say "or as an archive or a container:   https://www.swift.org/install/linux"
    say "Looked in PATH, /opt/swift/usr/bin, ~/.local/share/swiftly/bin and /usr/bin."
    exit 1
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs apt-get, as the superuser, without questions.
apt() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get "$@" >&2
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive apt-get "$@" >&2
    else
        say "Not root, and there is no sudo. Run as root: apt-get install ${libraries[*]}"
        exit 1
    fi
}

# Installs those of the libraries that are missing; does nothing when there are none.
install_libraries() {
    local library missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "Not Debian or Ubuntu: make sure that FFTW 3 (single precision), SQLite 3 and oneDNN are installed with their headers."
        return 0
    fi
    for library in "${libraries[@]}"; do
        is_installed "$library" || missing+=("$library")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0

    say "Installing ${missing[*]} (apt-get)."
    local is_listed=yes
    for library in "${missing[@]}"; do
        apt-cache show "$library" >/dev/null 2>&1 || is_listed=no
    done
    # Lists that are old name files that are gone, so one failure is worth an update as well.
    if [ "$is_listed" = no ] || ! apt install -y --no-install-recommends "${missing[@]}"; then
        say "Updating the package lists (apt-get update)."
        apt update
        if ! apt install -y --no-install-recommends "${missing[@]}"; then
            say "Could not install ${missing[*]}. On Ubuntu libdnnl-dev is in the component universe."
            exit 1
        fi
    fi
}

# Fetches the Swift packages that Package.swift names: the last step that may use a network.
resolve_packages() {
    if ! swift package --package-path "$root" resolve >&2; then
        say "Could not fetch the Swift packages."
        exit 1
    fi
}

prepare() {
    find_swift
    install_libraries
    resolve_packages
}
