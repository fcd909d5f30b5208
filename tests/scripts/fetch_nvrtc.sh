#!/usr/bin/env bash
# Fetches NVIDIA's run-time compiler and headers from their wheels into ~/.cache/jemma/cuda, where Jemma finds them: no GPU and no toolkit needed.
#   fetch_nvrtc.sh [FOLDER]   NVRTC and the driver's headers (61 MB): real kernels compile, prototypes of driver and NVRTC are checked
#   fetch_nvrtc.sh --cublas [FOLDER]  cuBLAS too (about 420 MB more): its headers are checked as well
# Exit 0: it is there. Exit 1: no pip, or the wheels cannot be had.
set -eu
cublas=no
if [ "${1:-}" = --cublas ]; then cublas=yes; shift; fi
target="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/jemma/cuda}"
packages=(nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cuda-crt)
wanted=("$target/nvidia/cu13/include/nvrtc.h" "$target/nvidia/cu13/include/cuda.h")
if [ "$cublas" = yes ]; then
  packages+=(nvidia-cublas)
  wanted+=("$target/nvidia/cu13/include/cublasLt.h")
fi
missing=0
for file in "${wanted[@]}"; do [ -e "$file" ] || missing=1; done
if [ "$missing" = 0 ]; then echo "$target has it already"; exit 0; fi
python="$(command -v python3 || true)"
if [ -z "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
  echo "python3 with pip is needed to fetch NVIDIA's wheels" >&2
  exit 1
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
specs=()
for package in "${packages[@]}"; do specs+=("$package>=13,<14"); done
"$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$work" "${specs[@]}" >&2 || exit 1
mkdir -p "$target"
for wheel in "$work"/*.whl; do
  "$python" - "$wheel" "$target" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.startswith("nvidia/") and ("/include/" in name or "/lib/lib" in name):
            wheel.extract(name, sys.argv[2])
PY
done
echo "$target now has $(cd "$target" && find nvidia -name 'lib*.so*' | wc -l) libraries and $(cd "$target" && find nvidia -name '*.h' | wc -l) headers"
