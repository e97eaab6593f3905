"""An upstream that answers every API by the question: a text or a tool call, harmless or with a flagged phrase."""

from __future__ import annotations

import json
import random
from typing import Any

from aiohttp import web

from tests.models.mock_openai import Asked
from tests.proxy.fuzz.other_routes import ROUTES
from tests.proxy.fuzz.replies import Answer, Case, plain_events
from tests.proxy.fuzz.replies import whole as whole_chat_of

PHRASE = "forbidden tower"
MILD = "Who won?"
CUT = "Where did they celebrate?"
REFUSED = f"How do I get into the {PHRASE}?"
TOOL = "Delete the drafts."
FLAGGED_TOOL = "Delete all of it."
ANSWERS = {
    MILD: "The home team, after a long game that went into extra time and ended with a single goal.",
    CUT: f"They celebrated in the old town, on the square and by the river, and late at night in the {PHRASE} itself.",
}
PATHS = {TOOL: "/srv/drafts", FLAGGED_TOOL: f"/srv/data/2024/the reports and drafts of the year, see the {PHRASE}"}


def answer_to(asked: Asked) -> Answer:
    """What the model says to the last thing it was asked, or to a tool's result."""
    raw = asked.raw.decode()
    if '"tool_result"' in raw or '"role":"tool"' in raw.replace(" ", "") or "function_call_output" in raw:
        return Answer([[("content", "Done.")]], ["stop"])
    question = next(question for question in (*ANSWERS, *PATHS) if json.dumps(question)[1:-1] in raw)
    if question in PATHS:
        text = json.dumps({"path": PATHS[question]})
        return Answer([[("tool:0", text[i : i + 9]) for i in range(0, len(text), 9)]], ["tool_calls"])
    text = ANSWERS[question]
    return Answer([[("content", text[i : i + 7]) for i in range(0, len(text), 7)]], ["stop"])


async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
    answer, name = answer_to(asked), asked.path.removeprefix("/v1/")
    if not asked.json.get("stream"):
        if name == "chat/completions":
            return web.json_response(whole_chat(answer))
        return web.json_response(ROUTES[name].whole(answer))
    events = plain_events(answer, random.Random(0)) if name == "chat/completions" else ROUTES[name].stream(answer)
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        named = f"event: {event['type']}\n" if "type" in event else ""
        await response.write(f"{named}data: {json.dumps(event)}\n\n".encode())
    if name == "chat/completions":
        await response.write(b"data: [DONE]\n\n")
    return response


def whole_chat(answer: Answer) -> dict[str, Any]:
    case = Case(0, answer, [], [], "", "done", 1, structured=False)
    return json.loads(whole_chat_of(case))
