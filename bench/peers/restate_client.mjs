// The client of the Restate rows: keeps N workflows under way and prints what it saw as one JSON object.
//
// It is a process of its own, so that its work does not delay the service's handlers, and uses Node's plain HTTP client
// with connections kept open, which costs less than the SDK's. What ends within the window counts; the load begins
// before and lasts until the window closes. Percentiles are left to measure.py.
// Usage: node restate_client.mjs '{"url", "gaps_url", "steps", "concurrent", "warm_seconds", "seconds", "payload", "expected"}'

import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

const row = JSON.parse(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: row.concurrent });
const body = JSON.stringify({ steps: row.steps, payload: row.payload });
const opens = performance.now() + row.warm_seconds * 1e3;
const closes = opens + row.seconds * 1e3;

const latencies = [];
const failures = [];

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

async function caller() {
  while (performance.now() < closes) {
    const began = performance.now();
    try {
      await workflow();
    } catch (error) {
      failures.push(String(error));
      continue;
    }
    const ended = performance.now();
    if (ended >= opens && ended < closes) latencies.push(ended - began);
  }
}

// The service gives away the gaps of the warm-up when the window opens, and those that count when it closes.
async function gapsWithin() {
  await pause(opens - performance.now());
  await send(row.gaps_url, {});
  await pause(closes - performance.now());
  return JSON.parse((await send(row.gaps_url, {})).text);
}

const [gaps] = await Promise.all([gapsWithin(), ...Array.from({ length: row.concurrent }, caller)]);
agent.destroy();
console.log(
  JSON.stringify({ seconds: row.seconds, latencies_ms: latencies, gaps_ms: gaps, failed: failures.length, first_failure: failures[0] ?? null }),
);
