"""What `--check` says that a policy does not do, over real detectors; and that what it passes starts."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from safesight.guard.guard import open_guard
from safesight.guard.policy import read_policy
from tests.guard.test_probe import safesight
from tests.proxy.test_guard_command import free_port, guard, said

OCR_OFF = "[input]\nocr = false\n"
EMBEDDED = '[[detectors]]\nname = "embedded"\n'
GUARD = '[[detectors]]\nname = "generative:http://127.0.0.1:9/v1#m?format=qwen3guard"\n'


def words(folder: Path, text: str = "[hte]\na mild phrase\n") -> str:
    path = folder / "words.txt"
    path.write_text(text)
    return f'[[detectors]]\nname = "patterns:{path}"\n'


def told(folder: Path, text: str) -> str:
    path = folder / "policy.toml"
    path.write_text(text)
    return "\n".join(open_guard(read_policy(path)).shortcomings())


def test_categories_that_nobody_names(tmp_path: Path) -> None:
    rule = '[categories.ssh]\naction = "halt"\n[refusals.en]\nhte = "No."\n'
    assert "[categories.ssh] never takes effect: no detector here names" in told(tmp_path, rule + OCR_OFF + EMBEDDED)
    lists = told(tmp_path, rule + OCR_OFF + words(tmp_path))
    assert "[categories.ssh] never takes effect: the detectors here name hte." in lists
    assert "the refusal for hte" not in lists
    assert "the refusal for hte (hate) is never said" in told(tmp_path, rule + OCR_OFF + EMBEDDED)
    assert "ssh" not in told(tmp_path, rule + OCR_OFF + GUARD)
    both = f'[[detectors]]\nname = "cascade:embedded,{GUARD.split(chr(34))[1]}"\n'
    assert "ssh" not in told(tmp_path, rule + OCR_OFF + both), "a combination names what its parts do"


def test_thresholds_that_nothing_reaches_or_that_are_not_in_force(tmp_path: Path) -> None:
    assert "flags at 1, which a graded score hardly ever reaches" in told(
        tmp_path, "[threshold]\nstrict = 1.0\n" + OCR_OFF + EMBEDDED
    )
    assert "flags at 1" not in told(tmp_path, "[threshold]\nstrict = 1.0\n" + OCR_OFF + words(tmp_path))
    assert "flags at 0: everything" in told(tmp_path, "[threshold]\nstrict = 0.0\n" + OCR_OFF + EMBEDDED)
    assert "threshold: loose is set and not in force, since the mode is strict." in told(
        tmp_path, "[threshold]\nloose = 0.3\n" + OCR_OFF + EMBEDDED
    )


def test_tiers_that_are_never_asked_and_phrases_longer_than_what_is_held(tmp_path: Path) -> None:
    grey = EMBEDDED + 'when = "grey"\n'
    assert "detector embedded is never asked" in told(tmp_path, OCR_OFF + words(tmp_path) + grey)
    assert "never asked" not in told(tmp_path, OCR_OFF + EMBEDDED + grey)
    long = words(tmp_path, "a phrase of more than thirty-two characters\n")
    assert "stream.hold_chars = 43 holds it" in told(tmp_path, OCR_OFF + long)
    assert "holds it" not in told(tmp_path, "[stream]\nhold_chars = 43\n" + OCR_OFF + long)


def test_requests_and_pictures_that_nobody_judges(tmp_path: Path) -> None:
    assert "nobody judges their text" in told(
        tmp_path, OCR_OFF + EMBEDDED.replace("embedded", "mean:embedded,embedded")
    )
    assert "nobody judges" not in told(tmp_path, OCR_OFF + EMBEDDED), "it estimates requests"
    assert "nobody judges" not in told(tmp_path, OCR_OFF + words(tmp_path))
    assert "nobody judges" not in told(tmp_path, OCR_OFF + EMBEDDED + GUARD)
    assert "pictures are not looked at" in told(tmp_path, OCR_OFF + EMBEDDED)
    assert "only the text is judged" in told(tmp_path, EMBEDDED)
    assert "input.text is off" in told(tmp_path, "[input]\ntext = false\n" + EMBEDDED)
    assert "a flagged request is let pass" in told(tmp_path, '[input]\nocr = false\naction = "annotate"\n' + EMBEDDED)


def test_rewrites_that_a_proxy_cannot_make(tmp_path: Path) -> None:
    text = 'action = "rewrite"\n[detoxify]\nmodel = "guarded"\n' + OCR_OFF + EMBEDDED
    assert "rewrites are refusals" in told(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (OCR_OFF + EMBEDDED, True),
        (OCR_OFF + "WORDS", True),
        (OCR_OFF + '[[detectors]]\nname = "patterns:/no/such/list.txt"\n', False),
        (OCR_OFF + "ODD", False),
        (OCR_OFF + '[[detectors]]\nname = "embeded"\n', False),
        (OCR_OFF + '[[detectors]]\nname = "generative:http://127.0.0.1:9/v1?format=qwen3guard"\n', False),
    ],
    ids=[
        "embedded",
        "a block list",
        "no block list",
        "a heading that is no category",
        "a typing error",
        "a server away",
    ],
)
def test_what_the_check_passes_starts_and_what_it_does_not_does_not(tmp_path: Path, text: str, *, passes: bool) -> None:
    text = text.replace("WORDS", words(tmp_path))
    if text.endswith("ODD"):
        text = text.replace("ODD", words(tmp_path, "[spoilers]\nthe butler did it\n"))
    path = tmp_path / "policy.toml"
    path.write_text(text)
    code, says = safesight("--check", str(path))
    assert (code == 0) == passes, says
    assert "Traceback" not in says
    port = free_port()
    process = guard("--upstream", "http://127.0.0.1:9/v1", "--policy", str(path), "--port", str(port))
    try:
        if passes:
            said(process, "  clients")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as response:
                assert response.status == 200
        else:
            assert process.wait(120) != 0
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_check_tells_tenants_too(tmp_path: Path) -> None:
    own, strict, tenants = (tmp_path / name for name in ("own.toml", "strict.toml", "tenants.toml"))
    own.write_text(OCR_OFF + EMBEDDED)
    strict.write_text(OCR_OFF + words(tmp_path))
    tenants.write_text(
        'may_choose = ["strict"]\n[policies]\nstrict = "strict.toml"\n[tenants.zoo]\n'
        f'keys = ["sha256:{"0" * 64}"]\npolicy = "strict"\n'
    )
    code, says = safesight("--check", str(own), "--tenants", str(tenants))
    assert code == 0, says
    assert f"policy strict: {strict}" in says
    assert "tenant zoo (1 key): the policy strict; may choose none" in says
    assert "without a tenant:" in says
