// An agent of Vercel's ai package with one tool, asked to tidy up: which calls it ran, and what it heard.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { given, shown, tell } from "./io.mjs";

const { url, stream } = given();
const ran = [];
const remove = tool({
  description: "Delete a path.",
  inputSchema: z.object({ path: z.string(), force: z.boolean().default(false) }),
  execute: async ({ path, force }) => {
    ran.push([path, force]);
    return "deleted";
  },
});
const model = createOpenAICompatible({ name: "mock", baseURL: url, apiKey: "k" }).chatModel("mock");
const asked = { model, prompt: "tidy up", tools: { delete: remove }, maxRetries: 0, stopWhen: stepCountIs(3) };
const told = { ran, calls: 0, text: "", finish: "", error: null };
try {
  if (stream) {
    const result = streamText({ ...asked, onError: () => {} });
    for await (const part of result.fullStream) {
      if (part.type === "tool-input-start" || part.type === "tool-call") told.calls += 1;
      if (part.type === "text-delta") told.text += part.text;
      if (part.type === "error") told.error = shown(part.error);
    }
    told.finish = await result.finishReason;
  } else {
    const result = await generateText(asked);
    told.calls = result.steps.flatMap((step) => step.toolCalls).length;
    told.text = result.text;
    told.finish = result.finishReason;
  }
} catch (error) {
  told.error = shown(error);
}
tell(told);
