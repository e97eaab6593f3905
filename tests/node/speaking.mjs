// Node's clients, each asked the same way, as tests/clients/speaking.py asks Python's: a client's name and tasks in, what
// came of each out.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { z } from "zod";
import { given, tell } from "./io.mjs";

// Its warnings go to stdout, where what came goes.
globalThis.AI_SDK_LOG_WARNINGS = false;

const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const description = "Delete a path.";
const asksTool = (question) => question.startsWith("Delete");

async function chat(url, stream, question) {
  const client = new OpenAI({ baseURL: url, apiKey: "k", maxRetries: 0 });
  const body = { model: "mock", messages: [{ role: "user", content: question }] };
  if (asksTool(question)) body.tools = [{ type: "function", function: { name: "delete", description, parameters } }];
  const completion = stream
    ? await client.chat.completions.stream(body).finalChatCompletion()
    : await client.chat.completions.create(body);
  const [choice] = completion.choices;
  const ran = (choice.message.tool_calls ?? []).map((call) => call.function.arguments);
  return { text: choice.message.content ?? "", end: `finish_reason ${choice.finish_reason}`, ran };
}

async function responses(url, stream, question) {
  const client = new OpenAI({ baseURL: url, apiKey: "k", maxRetries: 0 });
  const body = { model: "mock", input: question };
  if (asksTool(question)) body.tools = [{ type: "function", name: "delete", description, parameters, strict: false }];
  const response = stream
    ? await client.responses.stream(body).finalResponse()
    : await client.responses.create(body);
  const why = response.incomplete_details?.reason;
  const ran = response.output.filter((item) => item.type === "function_call").map((item) => item.arguments);
  // `finalResponse` leaves output_text out.
  const parts = response.output.flatMap((item) => (item.type === "message" ? item.content : []));
  const text = parts.map((part) => (part.type === "output_text" ? part.text : "")).join("");
  return { text, end: `status ${response.status}${why ? `, reason ${why}` : ""}`, ran };
}

async function messages(url, stream, question) {
  const client = new Anthropic({ baseURL: url.replace(/\/v1$/, ""), apiKey: "k", maxRetries: 0 });
  const body = { model: "mock", max_tokens: 99, messages: [{ role: "user", content: question }] };
  if (asksTool(question)) body.tools = [{ name: "delete", description, input_schema: parameters }];
  const message = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
  const text = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
  const ran = message.content.filter((block) => block.type === "tool_use").map((block) => JSON.stringify(block.input));
  return { text, end: `stop_reason ${message.stop_reason}`, ran };
}

const vercel = (open) => async (url, stream, question) => {
  const ran = [];
  const execute = async (input) => (ran.push(JSON.stringify(input)), "deleted");
  const tools = asksTool(question)
    ? { delete: tool({ description, inputSchema: z.object({ path: z.string() }), execute }) }
    : undefined;
  const asked = { model: open(url), prompt: question, tools, stopWhen: stepCountIs(3), maxRetries: 0 };
  if (!stream) {
    const { text, finishReason } = await generateText(asked);
    return { text, end: `finishReason ${finishReason}`, ran };
  }
  let broke;
  const result = streamText({ ...asked, onError: ({ error }) => (broke = error) });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  if (broke) throw broke;
  return { text, end: `finishReason ${await result.finishReason}`, ran };
};

const clients = {
  "openai (Node)": chat,
  "openai (Node) responses": responses,
  "anthropic (Node)": messages,
  "Vercel ai": vercel((url) => createOpenAICompatible({ name: "guarded", baseURL: url, apiKey: "k" })("mock")),
  "Vercel ai responses": vercel((url) => createOpenAI({ baseURL: url, apiKey: "k" }).responses("mock")),
  "Vercel ai anthropic": vercel((url) => createAnthropic({ baseURL: url, apiKey: "k" })("mock")),
};

const { client, tasks } = given();
const came = [];
for (const { url, stream, question } of tasks) {
  try {
    came.push({ error: "", ...(await clients[client](url, stream, question)) });
  } catch (error) {
    came.push({ text: "", end: "", ran: [], error: error.constructor.name });
  }
}
tell(came);
