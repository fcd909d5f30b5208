#!/usr/bin/env bash
# Runs the kernels' benchmarks (all of JMH's arguments pass), or another main class of dev.jemma.bench.
#   tests/scripts/bench.sh KernelBenchmark.attention -p model=GEMMA3_270M -p arithmetic=BF16
#   tests/scripts/bench.sh KernelBenchmark -prof gc            with the heap that each call takes
#   tests/scripts/bench.sh --main KernelTable 2 attention BF16
set -eu
cd "$(dirname "$0")/../.."
. .mvn/find-jdk.sh
mkdir -p tests/target
classpath="$PWD/tests/target/bench.classpath"
./mvnw -q -B -Dquick -pl tests -am test-compile dependency:build-classpath -Dmdep.outputFile="$classpath" -Dmdep.includeScope=test
main=org.openjdk.jmh.Main
if [ "${1:-}" = --main ]; then
  main="dev.jemma.bench.$2"
  shift 2
fi
path="tests/target/test-classes:engine/target/classes:cuda-bindings/target/classes:agent-sdk/target/classes:cli/target/classes"
exec "$JDK/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC \
  -cp "$path:$(cat "$classpath")" "$main" "$@"
