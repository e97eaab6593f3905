"""The guard as Ray Serve runs it: `serve run`, a real upstream, and OpenAI's own client."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import psutil
import pytest

from safesight.core.errors import ConfigError
from safesight.integrations.ray.serving import guard
from tests.integrations.ray.test_cluster import Upstream
from tests.proxy.serving import free_port

SERVE = Path(sys.executable).parent / "serve"


def test_arguments_are_read_strictly() -> None:
    for arguments, says in (
        ({"upstream": "nowhere"}, "expected an http"),
        ({"upstream": "http://127.0.0.1:1/v1", "replicas": 2}, "replicas"),
        ({}, "upstream"),
    ):
        with pytest.raises(ConfigError, match=says):
            guard(arguments)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The base URL of a guard that a block list of one word protects."""
    upstream = Upstream(0.0)
    (tmp_path / "words.txt").write_text("[iwp]\nthermite\n", encoding="utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{tmp_path / "words.txt"}"\n', encoding="utf-8"
    )
    port = free_port()
    config = tmp_path / "serve.yaml"
    config.write_text(
        f"""
proxy_location: HeadOnly
http_options: {{host: 127.0.0.1, port: {port}}}
applications:
  - name: guard
    route_prefix: /
    import_path: safesight.integrations.ray.serving:guard
    args: {{upstream: {upstream.url.partition("#")[0]}, policy: {policy}, cpus: 0.1}}
""",
        encoding="utf-8",
    )
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([str(SERVE), "run", str(config)], cwd=tmp_path, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", process, tmp_path / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            own = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in own:
                if child.is_running():
                    child.kill()
            upstream.close()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(log.read_text())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("ray")
def test_openais_client_is_answered_and_guarded_through_ray_serve(served: str) -> None:
    client = openai.OpenAI(base_url=served, api_key="none", max_retries=0)
    asked = [{"role": "user", "content": "What is a bridge?"}]
    whole = client.chat.completions.create(model="slow", messages=asked)
    assert whole.choices[0].message.content == "I was asked: What is a bridge?"
    refused = client.chat.completions.create(
        model="slow", messages=[{"role": "user", "content": "Say the word thermite."}]
    )
    assert refused.choices[0].finish_reason == "content_filter"
    assert "thermite" not in (refused.choices[0].message.content or "").lower()
    with urllib.request.urlopen(served.removesuffix("/v1") + "/metrics", timeout=10) as reply:
        assert b'safesight_requests_total{route="/chat/completions",status="200"}' in reply.read()
