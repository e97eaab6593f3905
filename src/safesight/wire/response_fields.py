"""Names and words of OpenAI's responses, as its API reference lists them. What is not here is judged."""

from __future__ import annotations

from typing import Final

from safesight.wire.typed import words

LAST: Final = words("response.completed response.incomplete response.failed error")
DELTAS: Final = {
    "response.output_text.delta": ("content", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_text.delta": ("reasoning.text", "content_index"),
    "response.reasoning_summary_text.delta": ("reasoning.summary", "summary_index"),
    "response.function_call_arguments.delta": ("tool", ""),
    "response.custom_tool_call_input.delta": ("tool", ""),
}
"""Events that add to a text: its channel, and the field that numbers its part."""
PARTS: Final = {
    "output_text": ("content", "text"),
    "text": ("content", "text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("reasoning.text", "text"),
    "summary_text": ("reasoning.summary", "text"),
}
"""Parts of items: the channel of their text, and its field."""
CALLS: Final = words(
    """function_call custom_tool_call computer_call local_shell_call shell_call apply_patch_call mcp_approval_request"""
)
"""Items that clients carry out."""
ECHOED: Final = words(
    """instructions tools tool_choice text metadata user safety_identifier prompt_cache_key prompt reasoning
model truncation service_tier conversation"""
)
"""Fields in which a response repeats its request."""
KEYS: Final = words(
    """type sequence_number response item part delta text refusal item_id output_index content_index summary_index
annotation_index annotation annotations logprobs obfuscation id object created_at completed_at status error code
message param incomplete_details reason instructions max_output_tokens max_tool_calls model output
parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning effort summary
generate_summary context store temperature format verbosity tool_choice tools top_p top_logprobs truncation usage
user metadata background service_tier safety_identifier billing payer conversation input_tokens
input_tokens_details output_tokens output_tokens_details total_tokens cached_tokens reasoning_tokens role content
name arguments call_id namespace strict description parameters input action query queries sources url title
start_index end_index index filename file_id encrypted_content token logprob bytes phase code container_id
outputs results server_label mode allowed_tools frequency_penalty presence_penalty timings safesight moderation
cache_write_tokens"""
)
WORDS: Final = (
    LAST
    | CALLS
    | frozenset(DELTAS)
    | frozenset(name.removesuffix("delta") + "done" for name in DELTAS)
    | words(
        """response.created response.in_progress response.queued response.output_item.added response.output_item.done
response.content_part.added response.content_part.done response.reasoning_summary_part.added
response.reasoning_summary_part.done response.output_text.annotation.added response.web_search_call.in_progress
response.web_search_call.searching response.web_search_call.completed response.file_search_call.in_progress
response.file_search_call.searching response.file_search_call.completed response message assistant output_text
refusal reasoning reasoning_text summary_text text function auto none required json_schema json_object
in_progress completed incomplete failed queued max_output_tokens content_filter disabled default flex priority
low medium high minimal xhigh detailed concise web_search_call file_search_call code_interpreter_call
image_generation_call mcp_call mcp_list_tools url_citation file_citation file_path container_file_citation
developer final_answer commentary 24h in_memory keep-alive"""
    )
)
