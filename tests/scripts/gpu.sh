#!/usr/bin/env bash
# The CUDA tests and the figures of a real GPU, on a machine that has nothing but NVIDIA's driver, NVRTC and cuBLAS.
#   tests/scripts/gpu.sh pack            here, with JDK 25 and Maven: target/gpu.tar.gz with a small runtime, classes and test sources
#   bash gpu.sh run [ARCHIVE [small]]    there: unpacks, tests, sanitizes, measures; ARCHIVE defaults to gpu.tar.gz beside this script;
#                                        small: sizes that a stand-in can do, to see that all of it runs
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
case "${1:-}" in
pack)
  cd "$here/../.."
  . .mvn/find-jdk.sh
  ./mvnw -q -B -Dquick -DskipTests test-compile
  out=target/gpu
  rm -rf "$out"
  mkdir -p "$out/lib" "$out/tests/src/test"
  "$JDK/bin/jlink" --add-modules java.base,java.logging,java.management,jdk.management,jdk.jfr,jdk.unsupported,jdk.zipfs,java.net.http,java.xml \
    --strip-debug --no-header-files --no-man-pages --compress zip-0 --output "$out/jre"
  ./mvnw -q -B -Dquick -pl tests -am dependency:build-classpath -Dmdep.outputFile="$PWD/$out/classpath" test-compile
  tr ':' '\n' < "$out/classpath" | grep -E '/(junit|assertj|byte-buddy|opentest4j|apiguardian|jspecify)[^/]*\.jar$' | while read -r jar; do cp "$jar" "$out/lib/"; done
  platform="$(ls "$out/lib" | sed -n 's/^junit-platform-engine-\(.*\)\.jar$/\1/p')"
  ./mvnw -q -B -N dependency:copy -Dartifact="org.junit.platform:junit-platform-console-standalone:$platform" -DoutputDirectory="$PWD/$out" -Dmdep.stripVersion=true
  mv "$out/junit-platform-console-standalone.jar" "$out/console.jar"
  rm "$out/classpath"
  cp -r cuda-bindings/target/classes "$out/main"
  mkdir -p "$out/test/dev/jemma"
  cp -r tests/target/test-classes/dev/jemma/cuda "$out/test/dev/jemma/"
  cp -r tests/src/test/cuda "$out/tests/src/test/"
  mkdir -p "$out/cuda-bindings" "$out/tests/src/test/java/dev/jemma/cuda"
  cp cuda-bindings/README.md "$out/cuda-bindings/"
  cp -r tests/src/test/java/dev/jemma/cuda/examples "$out/tests/src/test/java/dev/jemma/cuda/"
  cp tests/scripts/gpu.sh "$out/"
  tar -C target -czf target/gpu.tar.gz gpu
  echo "target/gpu.tar.gz: $(du -h target/gpu.tar.gz | cut -f1); copy it with gpu.sh to the GPU machine and run: bash gpu.sh run gpu.tar.gz"
  ;;
run)
  archive="${2:-$here/gpu.tar.gz}"
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  tar -C "$work" -xf "$archive"
  top="$work/gpu"
  cd "$top/tests"
  java="$top/jre/bin/java"
  cp="$top/test:$top/main:$(find "$top/lib" -name '*.jar' | paste -sd:)"
  flags=(--enable-native-access=ALL-UNNAMED -Djemma.test.gpu=true)
  [ -z "${JEMMA_CUDA_LIB_DIR:-}" ] || flags+=("-Djemma.cuda.lib.dir=$JEMMA_CUDA_LIB_DIR")
  status=0
  if ! "$java" "${flags[@]}" -cp "$cp" dev.jemma.cuda.GpuFigures probe; then
    echo "no GPU can be used here; nothing was tested or measured" >&2
    exit 1
  fi
  tests=(-c dev.jemma.cuda.CudaContextTest -c dev.jemma.cuda.CudaMemoryTest -c dev.jemma.cuda.CudaKernelTest -c dev.jemma.cuda.CudaGraphTest
    -c dev.jemma.cuda.CublasTest -c dev.jemma.cuda.NvrtcTest -c dev.jemma.cuda.examples.ExamplesTest)
  "$java" "${flags[@]}" -jar "$top/console.jar" execute --disable-banner --details=summary -cp "$cp" "${tests[@]}" || status=1
  if command -v compute-sanitizer >/dev/null 2>&1; then
    for tool in memcheck racecheck synccheck; do
      echo "== compute-sanitizer $tool"
      compute-sanitizer --tool "$tool" --error-exitcode 9 "$java" "${flags[@]}" -jar "$top/console.jar" execute --disable-banner --details=summary \
        -cp "$cp" -c dev.jemma.cuda.CudaKernelTest || status=1
    done
  else
    echo "compute-sanitizer is not installed here: skipped"
  fi
  "$java" "${flags[@]}" -cp "$cp" dev.jemma.cuda.GpuFigures measure ${3:+"$3"} || status=1
  exit "$status"
  ;;
*)
  sed -n 2,6p "$0" | sed 's/^# //'
  exit 2
  ;;
esac
