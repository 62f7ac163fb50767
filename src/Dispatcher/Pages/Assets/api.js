// Calls of the API with the page's session, and what to say when one is refused.

const csrf = document.querySelector("meta[name=csrf-token]")?.content ?? "";

/** A refusal: a problem of the API, or its absence. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(sentenceOf(status, problem));
    this.status = status;
    /** Member to messages; empty where no member is at fault. */
    this.errors = problem?.errors ?? {};
  }
}

/**
 * Calls an operation. `url` is a path of this server, `body` a value (sent as JSON), a Blob that holds JSON, or undefined.
 * Gives the answer's JSON, or null where there is none; throws a Refusal. `once`: a POST that is repeated on its way is done once;
 * false where nothing is done at all.
 */
export async function call(method, url, body, { once = true } = {}) {
  const headers = { "x-csrf-token": csrf };
  if (method === "POST" && once) headers["idempotency-key"] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined || body instanceof Blob ? body : JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new Refusal(0, null);
  }
  const text = await answer.text();
  const json = text && (answer.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refusal(answer.status, json);
  return json;
}

function sentenceOf(status, problem) {
  switch (status) {
    case 0: return "The server cannot be reached. See whether you are connected, and try again.";
    case 401: return "Your session has ended. Load the page again.";
    case 429: return "Too many requests at once. Wait a moment, and try again.";
    default: return problem?.detail ?? `The server answered ${status}. Try again in a moment.`;
  }
}
