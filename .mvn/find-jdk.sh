# Sourced by ./mvnw and ./jemma: sets JDK to a JDK of version 25 or newer, or explains what to install and exits with 1.
# JEMMA_JDK_ROOT goes before the places where systems keep JDKs, so that the test of this script can lay out a machine of its own.

jdk_version() { # DIR -> major version, 0 if DIR holds no JDK
  if [ -x "$1/bin/javac" ] && [ -r "$1/release" ]; then
    v=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release")
    echo "${v:-0}"
  else
    echo 0
  fi
}

find_jdk() {
  tried=""
  root=${JEMMA_JDK_ROOT:-}
  user=${HOME:-/nowhere}
  path_java=$(command -v java 2>/dev/null || true)
  if [ -n "$path_java" ]; then
    # readlink -f is missing on old macOS; then the link itself is tried.
    path_java=$(readlink -f "$path_java" 2>/dev/null || echo "$path_java")
  fi
  for home in "${JEMMA_JAVA_HOME:-}" "${JAVA_HOME:-}" "${path_java%/bin/java}" \
      "$root"/usr/lib/jvm/*25* "$root"/usr/lib/jvm/* "$root"/usr/local/lib/jvm/* "$root"/opt/java/* "$root"/opt/jdk* \
      "$user"/.sdkman/candidates/java/25* "$user"/.sdkman/candidates/java/* "$user"/.jdks/* \
      "$root"/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home "$root"/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      "$root"/Library/Java/JavaVirtualMachines/*/Contents/Home "$user"/Library/Java/JavaVirtualMachines/*/Contents/Home; do
    [ -n "$home" ] && [ -d "$home" ] || continue
    v=$(jdk_version "$home")
    if [ "$v" -ge 25 ]; then
      JDK=$home
      return
    fi
    [ "$v" -gt 0 ] && tried="$tried $home (JDK $v)"
  done
  {
    echo "jemma needs a JDK 25 or newer, and none was found.${tried:+ Found only:$tried.}"
    echo "Install one (for example Temurin 25 from adoptium.net, 'sdk install java 25-tem', or 'brew install openjdk'), or set JAVA_HOME to it."
  } >&2
  exit 1
}

find_jdk
