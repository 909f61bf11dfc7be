// Restate's side of the work: a workflow of N steps, each an agent that adds one field and hands the payload on.
//
// `call` hands over by a durable call to an agent, which is a service of its own; `run` journals each step within the
// workflow. Gaps are taken inside the handlers, in milliseconds, and given away once to whoever asks the second port.
// Starting the server and driving the load are left to restate_peer.py and restate_client.mjs.
// Usage: node restate_service.mjs SERVICE_PORT GAPS_PORT

import http from "node:http";
import http2 from "node:http2";

import * as restate from "@restatedev/restate-sdk";

// The SDK expects Node 22, which has this function; on Node 20 everything else works.
Promise.withResolvers ??= function withResolvers() {
  let resolve, reject;
  const promise = new this((fulfil, refuse) => ((resolve = fulfil), (reject = refuse)));
  return { promise, resolve, reject };
};

const [servicePort, gapsPort] = process.argv.slice(2).map(Number);

const stepEnded = new Map();
let gaps = [];

// One agent's step: its start ends a gap and its end begins one, unless it is the last.
function step({ workflow, received, number, last }) {
  const began = performance.now();
  if (stepEnded.has(workflow)) gaps.push(began - stepEnded.get(workflow));
  const result = { ...received, [`step_${number}`]: "done" };
  if (last) stepEnded.delete(workflow);
  else stepEnded.set(workflow, performance.now());
  return result;
}

const agent = (name) => restate.service({ name, handlers: { accept: async (_ctx, handoff) => step(handoff) } });
const agents = [agent("AgentA"), agent("AgentB")];

const handOver = {
  call: (ctx, handoff) => ctx.serviceClient(agents[handoff.number % agents.length]).accept(handoff),
  run: (ctx, handoff) => ctx.run(`step ${handoff.number}`, () => step(handoff)),
};

const workflowOf = (kind) => async (ctx, { steps, payload }) => {
  const workflow = ctx.request().id.toString();
  let carried = payload;
  for (let number = 0; number < steps; number++) {
    carried = await handOver[kind](ctx, { workflow, received: carried, number, last: number === steps - 1 });
  }
  return carried;
};

const workflows = restate.service({ name: "Workflows", handlers: { call: workflowOf("call"), run: workflowOf("run") } });

http2.createServer(restate.createEndpointHandler({ services: [workflows, ...agents] })).listen(servicePort, "127.0.0.1");

http
  .createServer((_request, response) => {
    response.end(JSON.stringify(gaps));
    gaps = [];
  })
  .listen(gapsPort, "127.0.0.1");
