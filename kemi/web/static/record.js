// The pickup record: the newest first, in words.

const list = document.getElementById("record");
const none = document.getElementById("no-record");
const MOST = 50;
const WORDS = {
  not_taken: "did not answer",
  lost: "was too late for",
  cancelled: "gave up on",
  not_permitted: "may not pick up",
  rate_limited: "was refused too often",
  no_such_account: "asked for an unknown account",
  nothing_eligible: "found no call",
  already_answered: "came after the answer of",
  not_on_hold: "had a call that was not on hold",
  not_registered: "has no phone registered",
  media_refused: "could not be connected with",
  store_unavailable: "was refused: the state store was away",
};

export function add(entry) {
  const item = document.createElement("li");
  const time = item.appendChild(document.createElement("time"));
  const at = new Date(entry.at_ms);
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString("en-GB");
  const what = item.appendChild(document.createElement("span"));
  what.className = "what";
  what.textContent = inWords(entry);
  const how = item.appendChild(document.createElement("span"));
  how.className = "how";
  how.textContent = howOf(entry);
  item.dataset.good = entry.outcome === "picked_up" ? "yes" : "no";
  list.prepend(item);
  while (list.children.length > MOST) list.lastElementChild.remove();
  none.hidden = true;
}

export function noneYet() {
  none.hidden = list.children.length > 0;
}

function inWords(entry) {
  if (entry.kind === "agent") return `Agent ${entry.picker} ${entry.outcome.replaceAll("_", " ")}`;
  const account = nameOf(entry.account || entry.dialled);
  const caller = entry.caller ? entry.caller.replace(/^sips?:/, "").split("@")[0] : "";
  const words = entry.outcome === "picked_up" ? "picked up" : (WORDS[entry.outcome] ?? entry.outcome.replaceAll("_", " "));
  return [entry.picker, words, caller, account && `for ${account}`].filter(Boolean).join(" ");
}

/** `Sales (700)`: the name of an account that is monitored. */
function nameOf(number) {
  const name = document.querySelector(`.watch li[data-number="${CSS.escape(number)}"] .name`)?.textContent;
  return name && name !== "—" ? `${name} (${number})` : number;
}

function howOf(entry) {
  if (entry.kind === "agent") return "";
  const by = { console: "console", replaces: "lamp key" }[entry.by] ?? (entry.dialled ? "directed" : "general");
  return entry.waited_ms ? `${by} · after ${(entry.waited_ms / 1000).toFixed(1)} s` : by;
}
