#!/bin/sh
# How many invariants a function asserts, room by room: at least one on average in api, sim and execution. Checks of an
# allocation do not count (base/alloc.h makes them), and what stands in an assertion has no side effects: MUST is for that.
cd "$(dirname "$0")/../.." || exit 1
status=0
for room in api sim execution; do
    functions=$(awk '/^[a-zA-Z_][a-zA-Z0-9_ *]*\(/ { open = 1; text = "" } open { text = text $0 } open && /\{/ { if (text ~ /\) \{/) n++; open = 0 } open && /;[ \t]*$/ { open = 0 } END { print n + 0 }' runtime/$room/*.c)
    asserts=$(grep -c 'ASSERT(' runtime/$room/*.c | awk -F: '{ n += $2 } END { print n + 0 }')
    share=$(awk "BEGIN { printf \"%.2f\", $asserts / $functions }")
    echo "asserts: $room $asserts in $functions functions, $share a function"
    [ "$(awk "BEGIN { print ($share >= 1.0) }")" = 1 ] || { echo "asserts: $room has fewer than one a function"; status=1; }
done
effects=$(grep -nE '(^|[^_A-Z])ASSERT\(([^=!<>]*[^=!<>]=[^=]|.*(\+\+|--))' runtime/*/*.c runtime/*/*/*.c | grep -v '"')
calls=$(grep -nE '(^|[^_A-Z])ASSERT\((uv_|pthread_|api_call_(keep|copy)|columns_|block_room|exchange_|mirror_open)' runtime/*/*.c runtime/*/*/*.c | grep -vE 'ASSERT\(exchange_(last|wallet|equity)' )
if [ -n "$effects$calls" ]; then
    echo "asserts: side effects inside of ASSERT (use MUST):"
    printf '%s\n' "$effects" "$calls" | grep .
    status=1
fi
exit $status
