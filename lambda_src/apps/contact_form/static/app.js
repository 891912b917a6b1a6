// The key of a request stays the same until its text changes or it was answered: after a lost answer,
// sending again gets the ticket of the first attempt and not a second ticket.
const FIELDS = ["message", "name", "email", "website"];
const SHOWN = FIELDS.slice(0, 3);
const element = (id) => document.getElementById(id);
let pending = null; // { key, text }
let busy = false;

function announce(problem, errors) {
  for (const name of SHOWN) {
    element(name + "-error").textContent = errors[name] || "";
    element(name).removeAttribute("aria-invalid");
    if (errors[name]) element(name).setAttribute("aria-invalid", "true");
  }
  element("problems").textContent = problem; // role=alert: screen readers read it at once
  const first = SHOWN.find((name) => errors[name]);
  if (first) element(first).focus();
  else if (problem) element("problems").focus();
}

function request() {
  const body = Object.fromEntries(FIELDS.map((name) => [name, element(name).value]));
  const text = JSON.stringify(body);
  if (!pending || pending.text !== text) pending = { key: crypto.randomUUID(), text };
  return pending;
}

async function send(event) {
  event.preventDefault();
  if (busy) return;
  if (!element("message").value.trim()) {
    announce("The message was not sent: correct 1 field.", { message: "Write a message." });
    return;
  }
  busy = true;
  announce("", {});
  element("status").textContent = "Sending…";
  const { key, text } = request();
  let problem = "Your message was not sent. Check your connection and send it again.";
  let errors = {};
  try {
    const answer = await fetch("tickets", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: text,
    });
    const value = await answer.json().catch(() => ({}));
    if (answer.ok && typeof value.ticketId === "string") {
      received(value.ticketId);
      return;
    }
    if (answer.status === 422) pending = null; // the next attempt is a request of its own
    errors = value.errors || {};
    const wrong = Object.keys(errors).length;
    problem = wrong
      ? `The message was not sent: correct ${wrong} ${wrong === 1 ? "field" : "fields"}.`
      : value.message || "Your message was not stored. Send it again in a moment.";
  } catch {
    // No answer: the message may have arrived, and the same key makes another attempt safe.
  } finally {
    busy = false;
    element("status").textContent = "";
  }
  announce(problem, errors);
}

function received(ticket) {
  pending = null;
  element("form").reset();
  element("form").hidden = true;
  element("ticket").textContent = ticket;
  element("done").hidden = false;
  element("done-title").focus();
}

element("form").addEventListener("submit", send);
element("again").addEventListener("click", () => {
  element("done").hidden = true;
  element("form").hidden = false;
  element("message").focus();
});
