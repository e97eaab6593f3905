"""Turns conversations into padded batches whose labels are the assistant's tokens and nothing else.

Invariant: training sees what serving sends. Prompts go through `models.hf.prompts`, the code that answers requests, and
an answer's labels start where such a prompt ends. What is not the assistant's (text, image tokens, padding) is -100.
Answers that the checkpoint's template leaves open get the end token, or the model would never learn to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safesight.core.errors import ModelError
from safesight.models.hf.loading import Checkpoint
from safesight.models.hf.prompts import Prompt, chat_inputs, read_prompt
from safesight.train.chat_data import Conversation

IGNORED = -100
"""The label that Transformers leaves out of the loss."""


class ChatEncoder:
    """Collates conversations for one checkpoint, padded on the right where its processor lets it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        checkpoint.tokenizer.padding_side = "right"
        ends = checkpoint.model.generation_config.eos_token_id
        self._ends = {ends} if isinstance(ends, int) else set(ends or ())
        self._ends.add(checkpoint.tokenizer.eos_token_id)

    def length(self, conversation: Conversation) -> int:
        """Tokens of a conversation, its images expanded."""
        return int(self([conversation])["attention_mask"].sum())

    def __call__(self, conversations: Sequence[Conversation]) -> dict[str, Any]:
        """Model inputs (rows, tokens) with `labels`.

        Raises:
            ModelError: the chat template puts the assistant's turn elsewhere than after its own opening.
        """
        prompts = [read_prompt(conversation.messages) for conversation in conversations]
        inputs = chat_inputs(self._checkpoint, prompts, answered=True)
        labels = inputs["input_ids"].clone().fill_(IGNORED)
        for row, prompt in enumerate(prompts):
            # Some processors pad on the left whatever the tokenizer says (InternVL).
            where = inputs["attention_mask"][row].nonzero().flatten()
            for start, end in self._answers(prompt.turns, inputs["input_ids"][row][where].tolist()):
                labels[row][where[start:end]] = inputs["input_ids"][row][where[start:end]]
        return self._ended({**inputs, "labels": labels})

    def _answers(self, turns: Sequence[dict[str, Any]], ids: Sequence[int]) -> list[tuple[int, int]]:
        """Where each turn of the assistant starts and ends among a conversation's tokens."""
        spans: list[tuple[int, int]] = []
        for index, turn in enumerate(turns):
            if turn["role"] == "assistant":
                start = self._reach(turns[:index], ids, answered=False)
                last = index == len(turns) - 1
                end = len(ids) if last else self._reach(turns[: index + 1], ids, answered=True)
                spans.append((start, self._cut(ids, start, end)))
        return spans

    def _reach(self, turns: Sequence[dict[str, Any]], ids: Sequence[int], *, answered: bool) -> int:
        inputs = chat_inputs(self._checkpoint, [Prompt(turns=list(turns))], answered=answered)
        begin: list[int] = inputs["input_ids"][0].tolist()
        same = next((i for i, (a, b) in enumerate(zip(begin, ids, strict=False)) if a != b), min(len(begin), len(ids)))
        # The tokens at the seam may merge with what follows; anything more is another text.
        if same < len(begin) - 2:
            raise ModelError(
                "the chat template changes earlier turns when the assistant's follows, so its tokens cannot be told "
                "apart. Give the checkpoint a template that only appends."
            )
        return same

    def _cut(self, ids: Sequence[int], start: int, end: int) -> int:
        """Drop what a template writes after the end token: the model is never asked for it."""
        return next((i + 1 for i in range(start, end) if ids[i] in self._ends), end)

    def _ended(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Give rows whose last turn has no end token one, as a new last column."""
        import torch

        open_rows = [row for row, labels in enumerate(inputs["labels"]) if not self._closes(labels)]
        if not open_rows:
            return inputs
        filling = {"input_ids": self._checkpoint.tokenizer.pad_token_id or 0, "labels": IGNORED}
        width = inputs["input_ids"].shape[1]
        for name, value in inputs.items():
            if value.ndim == 2 and value.shape[1] == width:
                inputs[name] = torch.nn.functional.pad(value, (0, 1), value=filling.get(name, 0))
        for row in open_rows:
            end = int(inputs["attention_mask"][row].nonzero()[-1]) + 1
            inputs["input_ids"][row, end] = inputs["labels"][row, end] = self._checkpoint.tokenizer.eos_token_id
            inputs["attention_mask"][row, end] = 1
        return inputs

    def _closes(self, labels: Any) -> bool:
        answer = [token for token in labels.tolist() if token != IGNORED]
        return bool(answer) and answer[-1] in self._ends
