# SPDX-License-Identifier: PostgreSQL
# common.sh: what every script of this folder starts with. Source it; it runs nothing by itself.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 1
}

# Prints how to call the script (the comment block at its top), then ends it.
usage_exit() {
    sed -n '3,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"
    exit "${1:-0}"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
        return
    fi
    command -v sudo >/dev/null || die "packages are missing and neither root nor sudo is at hand: $*"
    sudo "$@"
}

# Two parallel jobs at least, one a core otherwise.
jobs_count() {
    local n
    n=$(nproc 2>/dev/null || echo 2)
    [ "$n" -ge 2 ] && echo "$n" || echo 2
}

# build_preset NAME [cmake -D...]: configures when needed and builds; quiet unless it fails.
build_preset() {
    local preset=$1 log
    shift
    log=$(mktemp)
    if ! { cmake --preset "$preset" -S "$TOP" "$@" && cmake --build "$TOP/build/$preset" -j "$(jobs_count)"; } \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        die "the build of preset $preset failed"
    fi
    rm -f "$log"
}
