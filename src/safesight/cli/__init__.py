"""The `safesight` command. Importing this loads no model library and no web server."""

from __future__ import annotations

import asyncio
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; errors end with their message and exit status 2, without a traceback."""
    from safesight.cli.app import build
    from safesight.cli.encoding import survive_any_console
    from safesight.core.errors import SafeSightError

    survive_any_console()
    try:
        build()()
    except asyncio.CancelledError:
        # The second Ctrl-C dropped what was in flight.
        print("Interrupted. The same command goes on from what was answered.", file=sys.stderr)
        raise SystemExit(130) from None
    except SafeSightError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        # The reader of our output (`| head`) has left; that is not an error of ours.
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        # A full disk, a folder that may not be written, a file that went away: the system's own words say which.
        print(f"error: {error}. Check that the place can be written and has room.", file=sys.stderr)
        raise SystemExit(2) from None
