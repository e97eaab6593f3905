"""The policy that goes with a guard model: `embedded` on every window, the model where that is unsure and at the end.

Guard models are slow beside a stream, so they are asked about the windows in the grey band of the cheap score, and once
about the whole answer; requests always. Images go to models that see them.
"""

from __future__ import annotations

from typing import Final

from safesight.core.errors import ConfigError
from safesight.core.registry import open_plugin
from safesight.detectors.generative import Generative
from safesight.detectors.guard_formats import FORMATS
from safesight.guard.guarded_model import asks_itself

GREY: Final = (0.2, 0.8)
_TEMPLATE: Final = """\
# Written by `safesight guard --guard {given}`; edit it and pass it with --policy.

mode = "strict"
action = "refuse"
on_error = "halt"          # a guard model that is down, late or off its menu lets nothing out

[input]
text = true
ocr = true
{images}
[time]
check_ms = {check_ms}           # longest wait for one verdict
input_ms = 30000

[[detectors]]              # every window, microseconds
name = "embedded"

[[detectors]]              # windows that the first is unsure of
name = "{name}"
when = "grey"
grey_low = {low}
grey_high = {high}

[[detectors]]              # the whole answer, once, before its last words leave
name = "{name}"
when = "end"
"""


_SELF: Final = """\
# Written by `safesight guard --guard {given}`; edit it and pass it with --policy.
# The guarded model judges itself, by a rubric: better than nothing, and no guard model. Measure it first.

mode = "strict"
action = "refuse"
on_error = "halt"

[input]
text = true
ocr = true

[time]
check_ms = 60000          # its server may be busy with the answers of others
input_ms = 60000

[[detectors]]              # every window, microseconds
name = "embedded"

[[detectors]]              # every request, and the whole answer before its last words leave
name = "{name}"
when = "end"
"""


def detector_name(given: str) -> str:
    """The detector of `FORMAT:MODEL` (`qwen3guard:http://host/v1#model`) or of a model whose name tells its format.

    Raises:
        ConfigError: nothing is named, or the name cannot stand in a policy file.
    """
    form, _, model = given.partition(":")
    if form in FORMATS:
        given = model + ("&" if "?" in model else "?") + f"format={form}"
    if not given.strip() or '"' in given or "\\" in given:
        raise ConfigError(
            "--guard: expected FORMAT:MODEL, as in 'qwen3guard:http://127.0.0.1:8001/v1' or "
            f"'llama-guard-3:gguf:FILE', or self (the guarded model), got {given!r}. Formats: {', '.join(FORMATS)}."
        )
    return given if given.startswith("generative:") else f"generative:{given}"


def recommended_policy(given: str) -> str:
    """The policy file for a guard model.

    Raises:
        ConfigError, UnknownName: it cannot be told which model or which format is meant.
        ModelError: a file is not there.
    """
    if asks_itself(given) and '"' not in given and "\\" not in given:
        return _SELF.format(given=given, name=given)
    name = detector_name(given)
    detector = open_plugin("detectors", name)
    if not isinstance(detector, Generative):
        raise ConfigError(f"--guard: expected a guard model, got the detector {name!r}.")
    return _TEMPLATE.format(
        given=given,
        name=name,
        images=f'image_detector = "{name}"\n' if detector.sees_images else "",
        # In this process a model has one or two cores; by URL it has a server.
        check_ms=60_000 if ":gguf:" in name else 5_000,
        low=GREY[0],
        high=GREY[1],
    )
