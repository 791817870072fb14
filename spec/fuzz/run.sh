#!/bin/sh
# One program under libFuzzer: sh spec/fuzz/run.sh build/fuzz NAME [OPTION OF LIBFUZZER...]. Its inputs are kept in
# build/fuzz/corpus/NAME; what it finds is left beside it as NAME-crash-..., NAME-timeout-... and ends this with an error.
build=$1 name=$2
shift 2
here=$(dirname "$0")
mkdir -p "$build/corpus/$name"
sh "$here/seeds.sh" "$build/corpus/$name" "$name" || exit 1
# Some make their first inputs themselves.
FUZZ_SEEDS=$build/corpus/$name "$build/$name" -runs=0 >/dev/null 2>&1 &
seeding=$!
wait $seeding
dict=$here/$name.dict
[ -e "$dict" ] || dict=$here/json.dict
log=$build/$name.log
# Memory that was given back is kept from use for as long as an input takes, not for many: the pages of 256 MB would cost most of
# the time.
ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16:malloc_context_size=8}
export ASAN_OPTIONS
# Lines of the programs' own go to the log, too.
"$build/$name" -dict="$dict" -max_len=8192 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$build/$name-" \
    "$@" "$build/corpus/$name" >"$log" 2>&1 &
running=$!
trap 'kill $running 2>/dev/null' INT TERM
wait $running
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
echo "fuzz: $name: ${runs:-0} inputs, ${speed:-?} a second, $(ls "$build/corpus/$name" | wc -l) kept, ${cover:-?} edges"
rm -rf /dev/shm/moontide-fuzz-$seeding* /dev/shm/moontide-fuzz-$running*
[ "$status" = 0 ] || { grep -m1 -A12 -E 'ERROR|runtime error|does not hold|libFuzzer: ' "$log"; exit 1; }
