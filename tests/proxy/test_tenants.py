"""Tenants and reloads as an operator has them: the real command, several workers, real signals, edited files."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from queue import Queue

import msgspec
import pytest
from aiohttp import web

from safesight.core.errors import ConfigError, UnknownName
from safesight.proxy.tenants import KeyRing, Tenants, fresh_key, hashed, read_tenants
from tests.models.mock_openai import Asked, MockOpenAI, in_thread, reply
from tests.proxy.test_guard_command import BODY, free_port, guard

SAID = "A calm street with a purple door and a yellow bench."
ACME, ZOO, LOOSE = (f"sk-{name}-0123456789abcdefghij" for name in ("acme", "zoo", "loose"))


class Operator:
    """The operator's folder: a policy by each block list's word, and a tenants file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tenants = folder / "tenants.toml"
        self.own = self.policy("own", "no such words")
        self.policy("strict", "purple door")
        self.policy("yellow", "yellow bench")

    def policy(self, name: str, words: str) -> Path:
        (self.folder / f"{name}.txt").write_text(f"[hte]\n{words}\n")
        path = self.folder / f"{name}.toml"
        path.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{self.folder / name}.txt"\n')
        return path

    def write(self, *, acme: str = "strict", zoo: bool = True) -> None:
        text = (
            'may_choose = ["yellow"]\n[policies]\nstrict = "strict.toml"\nyellow = "yellow.toml"\n'
            f'[tenants.acme]\nkeys = ["{hashed(ACME)}"]\npolicy = "{acme}"\n'
        )
        if zoo:
            text += f'[tenants.zoo]\nkeys = ["{hashed(ZOO)}"]\nmay_choose = ["strict"]\n'
        self.tenants.write_text(text)


class Running:
    """A guard that runs, and the lines it says."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.lines: Queue[str] = Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                self.lines.put(line)

    def says(self, what: str) -> str:
        """The next line that holds `what`."""
        while True:
            line = self.lines.get(timeout=120)
            if what in line:
                return line

    def reload(self) -> str:
        self.process.send_signal(signal.SIGHUP)
        return self.says("reload")

    def ask(
        self,
        key: str = "",
        *,
        stream: bool = False,
        path: str = "chat/completions",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"input": SAID} if path == "moderations" else {**BODY, "stream": stream}
        request = urllib.request.Request(
            f"{self.url}/v1/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **bearer, **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stopped(self, key: str, headers: dict[str, str] | None = None) -> bool:
        status, text = self.ask(key, headers=headers)
        assert status == 200, text
        return json.loads(text)["choices"][0]["finish_reason"] == "content_filter"

    def metrics(self, key: str) -> str:
        request = urllib.request.Request(f"{self.url}/metrics", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read().decode()


@contextlib.contextmanager
def serving(operator: Operator, upstream: MockOpenAI, *options: str, **more: str) -> Generator[Running]:
    port = free_port()
    process = guard(
        *("--upstream", upstream.url, "--port", str(port), "--policy", str(operator.own)),
        *("--tenants", str(operator.tenants), *options),
        **more,
    )
    running = Running(process, f"http://127.0.0.1:{port}")
    try:
        running.says("  clients")
        yield running
    finally:
        process.terminate()
        process.wait(60)
        running.reader.join(60)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    made.write()
    return made


def choosing(name: str) -> dict[str, str]:
    return {"X-Safesight-Policy": name}


def test_each_key_has_its_policy_and_may_choose_what_it_is_allowed(operator: Operator, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with in_thread() as upstream:
        upstream.then = reply(SAID)
        with serving(operator, upstream, "--key-env", "KEYS", "--audit", str(log), KEYS=LOOSE) as running:
            assert running.ask()[0] == running.ask("sk-nobody-0123456789abcdefghij")[0] == 401
            assert running.stopped(ACME)
            assert not running.stopped(ZOO)
            assert not running.stopped(LOOSE), "keys of --key-env have the proxy's own policy"
            assert running.stopped(ZOO, choosing("strict"))
            assert running.stopped(LOOSE, choosing("yellow"))
            for key, name in ((ACME, "yellow"), (ZOO, "yellow"), (LOOSE, "strict"), (ZOO, "own"), (ZOO, "../own.toml")):
                status, text = running.ask(key, headers=choosing(name))
                assert status == 403
                assert "policy_not_allowed" in text
            assert running.stopped("", {"api-key": ACME})
            assert running.stopped("", {"x-api-key": ACME})
            said = [json.loads(running.ask(key, path="moderations")[1])["results"][0] for key in (ACME, ZOO)]
            assert [result["flagged"] for result in said] == [True, False]
            with pytest.raises(urllib.error.HTTPError, match="403"):
                running.metrics(ZOO)
            counted = running.metrics(LOOSE)
        assert len(upstream.requests) == 7, "what is refused never reaches the model"
        sent = [{name.lower() for name in request.headers} for request in upstream.requests]
        assert not any({"authorization", "api-key", "x-api-key", "x-safesight-policy"} & names for names in sent)
    assert 'safesight_tenant_replies_total{action="refuse",policy="strict",tenant="acme"} 3.0' in counted
    assert 'safesight_tenant_replies_total{action="refuse",policy="strict",tenant="zoo"} 1.0' in counted
    assert 'safesight_tenant_replies_total{action="release",policy="",tenant="zoo"} 1.0' in counted
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line.get("tenant", ""), line.get("policy", "")) for line in lines] == [
        *(("acme", "strict"), ("zoo", ""), ("", ""), ("zoo", "strict"), ("", "yellow")),
        *[("acme", "strict")] * 2,
    ]
    assert ACME not in log.read_text()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_reload_reaches_every_worker_and_leaves_what_is_in_flight_alone(operator: Operator) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def slowly(request: web.Request, asked: Asked) -> web.StreamResponse:
        if asked.json["stream"]:
            begun.set()
            await asyncio.to_thread(go_on.wait, 120)
        return await reply(SAID)(request, asked)

    with in_thread() as upstream:
        upstream.then = slowly
        with serving(operator, upstream, "--workers", "2", "--key-env", "KEYS", KEYS=LOOSE) as running:
            assert not any(running.stopped(ZOO) for _ in range(6))
            found: list[tuple[int, str]] = []
            client = threading.Thread(target=lambda: found.append(running.ask(ZOO, stream=True)))
            client.start()
            assert begun.wait(60)
            # The own policy's block list and a tenant's policy: one reload.
            operator.policy("own", "calm street")
            operator.write(acme="yellow")
            assert running.reload() == "reloaded\n"
            eventually(lambda: all(running.stopped(ZOO) for _ in range(8)))
            go_on.set()
            client.join(120)
            status, text = found[0]
            assert status == 200
            assert "content_filter" not in text, "it began under the old policy"
            assert text.endswith("data: [DONE]\n\n")
            operator.write(zoo=False)
            assert running.reload() == "reloaded\n"
            eventually(lambda: all(running.ask(ZOO)[0] == 401 for _ in range(8)))
            assert running.stopped(ACME)
            eventually(lambda: 'safesight_reloads_total{outcome="ok"} 4.0' in running.metrics(LOOSE))


SAYS = {
    "no toml": "expected TOML",
    "unknown key": "acton",
    "no file": "gone.toml",
    "no block list": "cannot read the block list",
    "two owners": "have the same key",
}


def break_it(operator: Operator, fault: str) -> None:
    text = operator.tenants.read_text()
    match fault:
        case "no toml":
            operator.tenants.write_text(text + "[tenants.")
        case "unknown key":
            (operator.folder / "strict.toml").write_text('acton = "refuse"\n')
        case "no file":
            operator.tenants.write_text(text.replace('"yellow.toml"', '"gone.toml"'))
        case "no block list":
            (operator.folder / "own.txt").unlink()
        case _:
            operator.tenants.write_text(text.replace(hashed(ZOO), hashed(ACME)))


def test_what_is_broken_changes_nothing_and_says_why(operator: Operator) -> None:
    with in_thread() as upstream:
        upstream.then = reply(SAID)
        with serving(operator, upstream) as running:
            for fault, says in SAYS.items():
                break_it(operator, fault)
                line = running.reload()
                assert "reload failed, the old policies stay: " in line
                assert says in line
                assert running.stopped(ACME)
                assert not running.stopped(ZOO)
                operator.policy("own", "no such words")
                operator.policy("strict", "purple door")
                operator.write()
            # Mended, it is read.
            operator.policy("own", "purple door")
            assert running.reload() == "reloaded\n"
            eventually(lambda: running.stopped(ZOO))


def test_a_broken_tenants_file_does_not_start(operator: Operator) -> None:
    break_it(operator, "two owners")
    options = ("--upstream", "http://127.0.0.1:9/v1", "--tenants", str(operator.tenants), "--port", str(free_port()))
    process = guard(*options)
    text, _ = process.communicate(timeout=120)
    assert process.returncode not in (0, None)
    assert "have the same key" in text
    assert "Traceback" not in text


def hash_key(given: str) -> tuple[int, str, str]:
    process = guard("--hash-key")
    process.kill()
    process.communicate()
    assert isinstance(process.args, list)
    done = subprocess.run(process.args, input=given, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_makes_the_hash_of_a_key() -> None:
    code, out, _ = hash_key(f"{ACME}\n")
    assert (code, out) == (0, f"sha256:{hashlib.sha256(ACME.encode()).hexdigest()}\n")
    code, out, err = hash_key("\n")
    made = err.rsplit("key: ", 1)[-1].strip()
    assert code == 0
    assert out == f"sha256:{hashlib.sha256(made.encode()).hexdigest()}\n"
    assert len(made) > 40
    code, _, err = hash_key("secretly\n")
    assert code != 0
    assert "at least 20" in err
    assert "secretly" not in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tenants.a]\nkeys = []", "got none"),
        ('[tenants.a]\nkeys = ["sk-plain-text-key"]', "--hash-key"),
        ('[tenants."a b"]\nkeys = []', "a tenant's name"),
        ('[policies]\n"" = "x.toml"', "a policy's name"),
        ("[tenants.a]\nkey = []", "key"),
        (f'[tenants.a]\nkeys = ["{hashed(ACME)}"]\npolicy = "strikt"', "unknown policy in .*'strikt'"),
        ('may_choose = ["strikt"]\n[policies]\nstrict = "strict.toml"', "Did you mean 'strict'"),
    ],
)
def test_tenants_files_that_cannot_be_meant(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text(text)
    with pytest.raises((ConfigError, UnknownName), match=says):
        read_tenants(path)


def test_policies_stand_beside_the_file_that_names_them(tmp_path: Path) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text('[policies]\nstrict = "strict.toml"\nother = "/etc/other.toml"\n')
    assert read_tenants(path).policies == {"strict": str(tmp_path / "strict.toml"), "other": "/etc/other.toml"}


def test_the_ring_knows_a_key_wherever_it_is_sent() -> None:
    made = fresh_key()
    tenants = {"a": {"keys": [hashed(ACME)]}, "b": {"keys": [hashed(made), hashed(ZOO)]}}
    ring = KeyRing(msgspec.convert({"tenants": tenants}, Tenants))
    assert ring.tenant([(b"authorization", f"Bearer {made}".encode())]) == "b"
    assert ring.tenant([(b"x-api-key", ACME.encode())]) == "a"
    assert ring.tenant([(b"authorization", ACME.encode())]) == ring.tenant([]) == ""
