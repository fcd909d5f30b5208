#!/usr/bin/env bash
# archive-classes.sh ARCHIVE JAVA ROOT FLAGS...: what ./jemma loads to answer with the bundled model, as a class data archive for -XX:SharedArchiveFile.
set -eu
archive=$1 java=$2 root=$3
shift 3
work=$(mktemp -d "$archive.XXXXXX")
trap 'rm -rf "$work"' EXIT
printf '%s' '[{"role": "user", "content": "hello"}]' >"$work/messages.json"
"$java" "$@" -XX:DumpLoadedClassList="$work/classes" -m dev.jemma.cli/dev.jemma.cli.Main \
  generate --verbose --model "$root/cli/src/main/resources/dev/jemma/cli/demo/model" --messages "$work/messages.json" --max-new-tokens 4
"$java" "$@" -Xshare:dump -XX:SharedClassListFile="$work/classes" -XX:SharedArchiveFile="$work/archive" -m dev.jemma.cli/dev.jemma.cli.Main
mv "$work/archive" "$archive"
