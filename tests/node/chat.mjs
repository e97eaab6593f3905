// The openai package of Node asks for a chat completion, whole or streamed.
import OpenAI from "openai";
import { given, shown, tell } from "./io.mjs";

const { url, stream, body } = given();
const client = new OpenAI({ baseURL: url, apiKey: "k", maxRetries: 0 });
try {
  if (stream) {
    const events = [];
    for await (const event of await client.chat.completions.create({ ...body, stream: true })) events.push(event);
    tell({ events });
  } else {
    tell({ completion: await client.chat.completions.create(body) });
  }
} catch (error) {
  tell({ error: shown(error) });
}
