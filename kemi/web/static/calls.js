// The table of calls. Rows stay what they are while their call lives: focus and the reader's place are kept.
// Whatever comes from a caller is put in as text, never as markup.

const me = document.querySelector('meta[name="me"]').content;
const domain = document.querySelector('meta[name="domain"]').content;
const table = document.getElementById("calls");
const body = table.tBodies[0];
const rows = new Map();
let ahead = 0; // the store's clock less this computer's, in ms
let isFirst = true;

export function setClock(nowMs) {
  ahead = nowMs - Date.now();
}

/** Shows these calls; returns those that were not there before. pickUp(call) is called by a button. */
export function show(calls, isAway, pickUp) {
  const known = new Set(calls.map((call) => call.id));
  for (const [id, row] of rows) {
    if (!known.has(id)) {
      keepFocus(row.element);
      row.element.remove();
      rows.delete(id);
    }
  }
  const fresh = [];
  calls.forEach((call, place) => {
    let row = rows.get(call.id);
    if (!row) {
      row = newRow(call);
      rows.set(call.id, row);
      if (!isFirst) {
        row.element.classList.add("new");
        fresh.push(call);
      }
    }
    fill(row, call, isAway, pickUp);
    if (body.rows[place] !== row.element) body.insertBefore(row.element, body.rows[place] ?? null);
  });
  isFirst = false;
  table.hidden = !calls.length;
  document.getElementById("empty").hidden = calls.length > 0 || isAway;
  tick();
  return fresh;
}

export function tick() {
  for (const row of rows.values()) {
    const seconds = Math.max(0, Math.floor((Date.now() + ahead - row.call.routed_at_ms) / 1000));
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (row.age.textContent !== text) row.age.textContent = text;
  }
}

export function callerOf(call) {
  return call.caller_name || call.caller.split("@")[0] || "unknown caller";
}

export function accountOf(call) {
  return call.account.name || call.account.number;
}

function newRow(call) {
  const element = document.createElement("tr");
  element.setAttribute("role", "row");
  const cell = (name) => {
    const made = element.insertCell();
    made.className = name;
    made.setAttribute("role", "cell");
    return made;
  };
  const pair = (made) => {
    const main = made.appendChild(document.createElement("span"));
    const sub = made.appendChild(document.createElement("span"));
    main.className = "main";
    sub.className = "sub";
    return [main, sub];
  };
  const age = cell("age");
  const [account, kind] = pair(cell("for"));
  const [caller, address] = pair(cell("from"));
  const [state, rings] = pair(cell("state"));
  const [pickers, seers] = pair(cell("who-may"));
  const act = cell("act");
  return { element, call, age, account, kind, caller, address, state, rings, pickers, seers, act, shown: "" };
}

function fill(row, call, isAway, pickUp) {
  row.call = call;
  row.element.dataset.id = call.id;
  row.element.dataset.state = call.state;
  row.element.classList.toggle("mine", call.claimed_by === me);
  text(row.account, accountOf(call));
  text(row.kind, `${call.account.number} · ${call.account.kind.replace("_", " ")}`);
  text(row.caller, callerOf(call));
  text(row.address, withoutDomain(call.caller));
  text(row.state, stateOf(call));
  text(row.rings, call.ringing.length ? `at ${call.ringing.join(", ")}` : "");
  text(row.pickers, call.account.monitored_by.join(", ") || "nobody");
  const seers = call.account.monitored_without_pickup.join(", ");
  text(row.seers, seers ? `not ${seers}` : "");
  const shown = JSON.stringify([call.can_pick_up, call.obstacle, call.may_pick_up, isAway, row.busy ?? false]);
  if (shown !== row.shown) {
    row.shown = shown;
    action(row, isAway, pickUp);
  }
}

/** What is of the viewer's own domain need not say so. */
function withoutDomain(address) {
  return address.endsWith(`@${domain}`) ? address.slice(0, -domain.length - 1) : address;
}

function stateOf(call) {
  if (call.claimed_by === me) return "your phone rings";
  if (call.claimed_by) return `${call.claimed_by} picks it up`;
  if (call.state === "waiting") return call.position ? `waits, ${ordinal(call.position)} in line` : "waits";
  return call.state === "ringing" ? "rings" : "is being put through";
}

function ordinal(number) {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" };
  return number + ending[new Intl.PluralRules("en", { type: "ordinal" }).select(number)];
}

function action(row, isAway, pickUp) {
  const { call, act } = row;
  const had = act.contains(document.activeElement);
  if (!call.may_pick_up || call.obstacle) {
    const why = document.createElement("span");
    why.className = "why";
    why.textContent = call.may_pick_up ? sentence(call.obstacle) : "You may see this only";
    act.replaceChildren(why);
    if (had) focusAct(row);
    return;
  }
  let button = act.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "primary";
    button.addEventListener("click", async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      row.busy = true;
      label(button, "Ringing your phone…", row.call, true);
      try {
        await pickUp(row.call);
      } finally {
        row.busy = false;
        label(button, "Pick up", row.call, false);
      }
    });
    act.replaceChildren(button);
  }
  label(button, row.busy ? "Ringing your phone…" : "Pick up", call, isAway || Boolean(row.busy));
}

function label(button, words, call, isDisabled) {
  button.textContent = words;
  // A button that is `disabled` loses the focus.
  button.setAttribute("aria-disabled", String(isDisabled));
  button.setAttribute("aria-label", `${words}: ${callerOf(call)} for ${accountOf(call)}`);
}

/** A row that goes takes its focus to the next button, or to the heading. */
function keepFocus(element) {
  if (!element.contains(document.activeElement)) return;
  const next = element.nextElementSibling?.querySelector("button") ?? element.previousElementSibling?.querySelector("button");
  (next ?? focusable(document.getElementById("calls-title"))).focus();
}

function focusAct(row) {
  focusable(row.act).focus();
}

function focusable(element) {
  element.tabIndex = -1;
  return element;
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
