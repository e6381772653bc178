# SPDX-License-Identifier: PostgreSQL
# common.sh: what every script of this folder starts with. Source it; it runs nothing by itself.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SELF=$(cd "$(dirname "$0")" && pwd)/${0##*/}

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 1
}

# Prints how to call the script (the comment block at its top), then ends it.
usage_exit() {
    sed -n '3,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$SELF"
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

# run_stages stop|go-on NAME...: calls stage_NAME of the script that sourced this, one after the other, each named as
# it starts and timed as it ends. After one that fails the run ends, or goes on with the next and fails at its end.
# A function called within a condition runs without -e, so each stage is a process of its own.
run_stages() {
    local how=$1 stage began failed=()
    shift
    if [ -n "${RUN_STAGE:-}" ]; then
        stage=$RUN_STAGE
        unset RUN_STAGE
        "stage_$stage"
        exit
    fi
    for stage in "$@"; do
        declare -F "stage_$stage" >/dev/null || die "there is no stage $stage"
    done
    for stage in "$@"; do
        say "== $stage"
        began=$(date +%s)
        if ! RUN_STAGE=$stage bash "$SELF"; then
            [ "$how" = go-on ] || die "stage $stage failed"
            failed+=("$stage")
        fi
        say "   $stage: $(($(date +%s) - began)) s"
    done
    [ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
    say "all stages passed"
}
