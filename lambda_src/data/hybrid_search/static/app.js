// Everything from the answer is set as text: what a document says is never markup.
const SIZE = 10;
const element = (id) => document.getElementById(id);
let latest = 0; // the number of the last search: a slower, older answer is dropped
let shown = null; // the search whose results are shown
let weighed = false; // whether the weight was chosen here: otherwise the service's default applies

function announce(problem) {
  element("problems").textContent = problem; // role=alert: screen readers read it at once
  if (problem) element("problems").focus();
}

function asked() {
  return {
    query: element("query").value,
    mode: document.querySelector("input[name=mode]:checked").value,
    ...(weighed && { weight: Number(element("weight").value) }),
  };
}

async function search(what, from) {
  const number = ++latest;
  announce("");
  element("status").textContent = "Searching…";
  let problem = "The search was not answered. Check your connection and try again.";
  try {
    const answer = await fetch("search", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...what, from, size: SIZE }),
    });
    const value = await answer.json().catch(() => ({}));
    if (number !== latest) return;
    if (answer.ok && Array.isArray(value.hits)) {
      shown = { what, from };
      show(value);
      return;
    }
    const errors = Object.values(value.errors || {});
    problem = errors[0] || value.message || problem;
  } catch {
    if (number !== latest) return;
  }
  element("status").textContent = "";
  announce(problem);
}

function show(value) {
  const { from, hits, total } = value;
  element("hits").replaceChildren(...hits.map(item));
  element("hits").start = from + 1;
  const partial = value.partial ? " Some results may be missing." : "";
  element("status").textContent = hits.length
    ? `Results ${from + 1} to ${from + hits.length} of ${total}.${partial}`
    : `Nothing was found.${partial}`;
  element("previous").hidden = from === 0;
  element("next").hidden = from + hits.length >= total || hits.length < SIZE;
}

function item(hit) {
  const line = document.createElement("li");
  const parts = hit.highlight.length ? hit.highlight : [{ text: hit.text || hit.id, match: false }];
  for (const part of parts) {
    const text = document.createElement(part.match ? "mark" : "span");
    text.textContent = part.text;
    line.append(text);
  }
  const score = document.createElement("span");
  score.className = "score";
  score.textContent = ` (${hit.score.toFixed(3)})`;
  line.append(score);
  return line;
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const what = asked();
  if (what.query.trim()) search(what, 0);
  else announce("Write what to search for.");
});
element("weight").addEventListener("input", () => {
  weighed = true;
  element("weight-value").textContent = element("weight").value;
});
element("previous").addEventListener("click", () => search(shown.what, Math.max(0, shown.from - SIZE)));
element("next").addEventListener("click", () => search(shown.what, shown.from + SIZE));
