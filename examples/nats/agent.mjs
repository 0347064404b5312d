// An agent on NATS with nothing but a NATS client: no SDK, no gRPC, no generated code; everything is JSON.
//
// Usage: ROOKERY_NATS_URL=nats://127.0.0.1:4222 ROOKERY_ACCESS_TOKEN=... node examples/nats/agent.mjs NAME
//
// It registers under NAME, opens its mailbox and answers what it gets in upper case, until it is interrupted or gets a
// message of type `stop`. docs/nats.md describes the wire. `npm ci` in this folder installs the client.

import { AuthorizationError, connect, createInbox, headers } from "@nats-io/transport-node";

const PING_MS = 5000;
const NOT_LET_IN = "NATS does not let the access token in: it is not an agent's, has expired or was revoked";
const name = process.argv[2];
const token = process.env.ROOKERY_ACCESS_TOKEN ?? "";
const { tenant, agentId, tokenId } = claimsOf(token);
const inboxPrefix = `_INBOX.${agentId}.${tokenId}`;
const subject = `rk.${tenant}.agent.${agentId}`;

const connection = await connect({
  servers: process.env.ROOKERY_NATS_URL,
  user: agentId,
  pass: token,
  inboxPrefix,
  reconnect: false, // with this token; when it expires, another is needed
}).catch((error) => fail(error instanceof AuthorizationError ? NOT_LET_IN : error.message));

function fail(message) {
  console.error(`agent ${name}: ${message}`);
  process.exit(1);
}

function claimsOf(text) {
  try {
    const { tenant, sub, jti } = JSON.parse(Buffer.from(text.split(".")[1], "base64url"));
    if (tenant && jti) return { tenant, agentId: sub.replace(/^agent:/, ""), tokenId: jti };
  } catch {
    // Whatever is wrong with it, it is none.
  }
  return fail("ROOKERY_ACCESS_TOKEN is not an access token");
}

function callHeaders() {
  const set = headers();
  set.set("authorization", `Bearer ${token}`);
  set.set("content-type", "application/json");
  return set;
}

function checked(answer) {
  const document = answer.data.length ? answer.json() : {};
  if (answer.headers?.get("grpc-status") !== "0") {
    const reason = document.details?.find((detail) => detail.reason)?.reason ?? "";
    throw new Error(`${reason}: ${document.message}`);
  }
  return document;
}

async function call(method, request) {
  const options = { timeout: 10_000, headers: callHeaders() };
  return checked(await connection.request(`${subject}.call.${method}`, JSON.stringify(request), options));
}

// Frames are numbered both ways. When one is missing, or all is silent, the stream is broken: open it again.
class Stream {
  #id = "";
  #received = 0;
  #sent = 1;
  #subscription;
  #pinging;

  constructor(method, first) {
    const inbox = createInbox(inboxPrefix);
    this.#subscription = connection.subscribe(inbox);
    connection.publish(`${subject}.call.${method}`, JSON.stringify(first), { reply: inbox, headers: callHeaders() });
    this.#pinging = setInterval(() => this.#publish("", "ping", this.#sent), PING_MS);
  }

  async *frames() {
    for await (const message of this.#subscription) {
      const said = message.headers;
      this.#id = said?.get("stream") || this.#id;
      if (said?.has("pong")) {
        if (Number(said.get("pong")) !== this.#received) throw new Error("a frame was lost; open the stream again");
        continue;
      }
      if (said?.has("frame") && Number(said.get("frame")) !== this.#received + 1) {
        throw new Error("a frame was lost; open the stream again");
      }
      this.#received += 1;
      if (said?.has("grpc-status")) throw new Error(`the stream has ended: ${JSON.stringify(checked(message))}`);
      yield message.json();
    }
  }

  send(frame) {
    this.#sent += 1;
    this.#publish(JSON.stringify(frame), "frame", this.#sent);
  }

  close() {
    clearInterval(this.#pinging);
    this.#subscription.unsubscribe();
  }

  #publish(data, name, number) {
    if (!this.#id) return;
    const set = headers();
    set.set(name, String(number));
    connection.publish(`${subject}.stream.${this.#id}`, data, { headers: set });
  }
}

async function answerMail() {
  const registered = await call("AgentService.RegisterAgent", { name, leaseDuration: "600s" });
  const stream = new Stream("MessageService.Receive", { open: { sessionEpoch: registered.agent.sessionEpoch } });
  let stopping = false;
  for await (const frame of stream.frames()) {
    if (frame.opened) {
      stream.send({ credits: { count: 16 } });
      console.log("READY");
    }
    if (stopping && frame.settled) break;
    for (const delivery of frame.deliveries?.deliveries ?? []) {
      const message = delivery.message;
      const text = Buffer.from(message.payload?.data ?? "", "base64").toString();
      const reply = {
        correlationId: message.correlationId || message.id,
        payload: { contentType: "text/plain", data: Buffer.from(text.toUpperCase()).toString("base64") },
      };
      if (message.replyAddress) reply.replyAddress = message.replyAddress;
      else if (message.sender.startsWith("agent:")) reply.recipientAgentId = message.sender.replace(/^agent:/, "");
      if (reply.replyAddress || reply.recipientAgentId) await call("MessageService.SendMessage", reply);
      stream.send({ settle: { settlements: [{ deliveryId: delivery.deliveryId, ack: {} }] } });
      stream.send({ credits: { count: 1 } });
      stopping ||= message.type === "stop";
    }
  }
  stream.close();
  await connection.close();
  if (!stopping) throw (await connection.closed()) ?? new Error("the connection has ended");
}

await answerMail().catch((error) => fail(error.message));
