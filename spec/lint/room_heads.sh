#!/bin/sh
# room_heads.sh: every folder of the runtime and of lua/moontide has a README of five lines at most: what the room is for, what it
# may use, what it must not know.
cd "$(dirname "$0")/../.." || exit 1
status=0
for folder in $(find runtime lua/moontide -mindepth 1 -type d | sort); do
    case $folder in
        runtime/script/shim) continue ;;   # three empty headers for the preprocessor
        lua/moontide/page/files) continue ;; # what a page is made of: no modules
        lua/moontide/template) continue ;; # its README is one that `moontide new` gives to users
    esac
    readme=$folder/README.md
    if [ ! -f "$readme" ]; then
        echo "$folder: no README.md that says what the room is for"; status=1; continue
    fi
    [ "$(wc -l <"$readme")" -le 5 ] || { echo "$readme: more than five lines"; status=1; }
    grep -q '^May use: ' "$readme" || { echo "$readme: no line 'May use: '"; status=1; }
    grep -qE '^Must not ' "$readme" || { echo "$readme: no line 'Must not '"; status=1; }
done
exit $status
