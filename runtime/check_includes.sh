#!/bin/sh
# The ladder of the house: base < api, venue, data < sim, store, net < host < cli. A floor includes the floors below it,
# never one above; api/ and sim/ (and base/, venue/) include nothing of sockets, files, threads or clocks; only host/ and
# cli/ know Lua. Prints each breach and fails when there is one.
cd "$(dirname "$0")" || exit 1
status=0
breach() {
    found=$(grep -nE "^#include [<\"]($2)" "$1"/*.c "$1"/*.h 2>/dev/null)
    if [ -n "$found" ]; then
        echo "include ladder: $1/ may not include:"
        echo "$found"
        status=1
    fi
}
outside='sys/|netinet/|arpa/|pthread|time\.h|unistd|fcntl|signal|poll|threads|uv\.|curl/|libwebsockets|sqlite3|openssl/|stdio_ext|dirent'
for floor in base api venue sim; do breach $floor "$outside"; done
breach base 'api/|venue/|data/|sim/|store/|net/|host/|cli/|lua|lauxlib'
breach api 'venue/|data/|sim/|store/|net/|host/|cli/|lua|lauxlib'
breach venue 'api/|data/|sim/|store/|net/|host/|cli/|lua|lauxlib'
breach data 'api/|sim/|store/|net/|host/|cli/|lua|lauxlib'
breach sim 'store/|net/|host/|cli/|lua|lauxlib'
breach store 'sim/|net/|host/|cli/|lua|lauxlib'
breach host 'cli/'
if grep -rniE 'binance|fapi|usdt' api/ >/dev/null; then
    echo "api/ names a venue:"
    grep -rniE 'binance|fapi|usdt' api/
    status=1
fi
[ $status = 0 ] && echo "include ladder: ok"
exit $status
