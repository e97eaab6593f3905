// What a script is given (one JSON value on stdin) and what it tells (one on stdout).
import { readFileSync } from "node:fs";

export const given = () => JSON.parse(readFileSync(0, "utf8"));

export const tell = (value) => process.stdout.write(JSON.stringify(value));

// An error as a user of a client sees it.
export const shown = (error) => ({
  name: error.constructor.name,
  message: String(error.message ?? error),
  status: error.status ?? error.statusCode ?? null,
  code: error.code ?? null,
});
