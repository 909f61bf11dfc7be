// The client of the Restate rows: keeps N workflows under way and prints what it saw as one JSON object.
//
// It is a process of its own, so that its work does not delay the service's handlers, and uses Node's plain HTTP client
// with connections kept open, which costs less than the SDK's. It goes on until everything that was
// under way when the window closed has ended. What of it counts, rates and percentiles are left to `Seen` in measure.py.
// Usage: node restate_client.mjs '{"url", "gaps_url", "steps", "concurrent", "warm_seconds", "seconds", "payload", "expected"}'

import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

const row = JSON.parse(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: row.concurrent });
const body = JSON.stringify({ steps: row.steps, payload: row.payload });
const opens = performance.now() + row.warm_seconds * 1e3;
const closes = opens + row.seconds * 1e3;

const failures = [];
const stillCounting = new Set();

function send(url, options, content) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(content);
  });
}

async function workflow() {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const { status, text } = await send(row.url, { method: "POST", agent, headers }, body);
  if (status !== 200) throw new Error(`status ${status}: ${text.slice(0, 200)}`);
  if (!isDeepStrictEqual(JSON.parse(text), row.expected)) throw new Error(`wrong answer: ${text.slice(-200)}`);
}

// All workflows of one caller that were answered rightly, as pairs of begin and end in seconds after the opening.
async function caller(number) {
  const workflows = [];
  stillCounting.add(number);
  while (stillCounting.size > 0) {
    const began = performance.now();
    const error = await workflow().catch((cause) => cause);
    const ended = performance.now();
    if (error) failures.push(String(error));
    else workflows.push([(began - opens) / 1e3, (ended - opens) / 1e3]);
    if (ended >= closes) stillCounting.delete(number);
  }
  return workflows;
}

// The service gives its gaps away once: those of the warm-up are taken when the window opens, and dropped.
const takeGaps = async () => JSON.parse((await send(row.gaps_url, {})).text);
const warmUp = pause(opens - performance.now()).then(takeGaps);
const callers = await Promise.all(Array.from({ length: row.concurrent }, (_, number) => caller(number)));
await warmUp;
const gaps_ms = await takeGaps();
agent.destroy();

const failed = { failed: failures.length, first_failure: failures[0] ?? null };
console.log(JSON.stringify({ opens: 0, closes: row.seconds, callers, gaps_ms, ...failed }));
