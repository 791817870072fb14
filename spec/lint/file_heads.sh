#!/bin/sh
# Every .c of the runtime opens with a line that says what it is: `// name.c: what it is`; every .h names itself.
cd "$(dirname "$0")/../.." || exit 1
status=0
for file in runtime/*/*.[ch] runtime/*/*/*.[ch]; do
    name=$(basename "$file")
    head=$(sed -n 1p "$file")
    case $head in
        "// $name: see "*) echo "$file: its first line only points elsewhere"; status=1 ;;
        "// $name: "?*) ;;
        *) echo "$file: its first line is not '// $name: what it is'"; status=1 ;;
    esac
done
[ $status = 0 ] && echo "file heads: ok"
exit $status
