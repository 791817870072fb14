#!/bin/sh
# top_level.sh: nothing lies at the top of the tree but what belongs there.
unexpected=$(git ls-files | cut -d/ -f1 | sort -u | grep -vxE 'Makefile|runtime|lua|strategies|spec|examples|docs|README\.md|LICENSE|CHANGELOG\.md|\..*')
[ -z "$unexpected" ] && exit 0
echo "at the top level, and not expected there:"
echo "$unexpected"
exit 1
