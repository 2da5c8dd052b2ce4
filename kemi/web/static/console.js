// The attendant's console: what the server tells (server-sent events), and the button.

import { accountOf, callerOf, setClock, show, tick } from "./calls.js";
import * as record from "./record.js";
import { ask, offerSignOut } from "./session.js";

const SILENT_MS = 25_000; // the server says something every ten seconds
const OUTCOME_WITHIN_MS = 3_000; // an entry of the record comes within that, if one comes
const me = document.querySelector('meta[name="me"]').content;
const byId = (id) => document.getElementById(id);
let state = { store: "ok", calls: [] };
let heardAt = Date.now();
let isConnected = false;
let events;
let version = 0; // of the provisioning document
let awaited = ""; // id of the call that the viewer's phone rings for

function listen() {
  events?.close();
  events = new EventSource("/api/v1/events");
  heardAt = Date.now();
  events.addEventListener("calls", (event) => heard(() => update(JSON.parse(event.data))));
  events.addEventListener("record", (event) => heard(() => entry(JSON.parse(event.data))));
  events.addEventListener("beat", () => heard(() => {}));
  events.addEventListener("error", async () => {
    isConnected = false;
    link();
    // The browser tries again by itself, but not after a refusal.
    if (events.readyState === EventSource.CLOSED) {
      const answer = await ask("/api/v1/me").catch(() => null);
      if (answer?.status !== 401) setTimeout(listen, 2000);
    }
  });
}

function heard(act) {
  heardAt = Date.now();
  isConnected = true;
  act();
  link();
}

function update(told) {
  state = told;
  if (told.now_ms) setClock(told.now_ms);
  const fresh = show(told.calls, told.store === "away", pickUp);
  const count = told.calls.length;
  const waiting = told.calls.filter((call) => call.state === "waiting").length;
  byId("count").hidden = !count;
  byId("count").textContent = count;
  byId("summary").textContent = count ? [count - waiting && `${count - waiting} ringing`, waiting && `${waiting} waiting`].filter(Boolean).join(", ") : "";
  document.title = document.title.replace(/^(\(\d+\) )?/, count ? `(${count}) ` : "");
  if (awaited && !told.calls.some((call) => call.id === awaited)) gone(awaited);
  if (version && told.version && told.version !== version) renewAccounts();
  version = told.version || version;
  countByAccount();
  // New calls only, and all that came together in one sentence: ages and states are there to be read, not heard.
  if (fresh.length === 1) say(`New call from ${callerOf(fresh[0])} for ${accountOf(fresh[0])}`);
  else if (fresh.length) say(`${fresh.length} new calls`);
}

function countByAccount() {
  for (const item of document.querySelectorAll(".watch li")) {
    const here = state.calls.filter((call) => call.account.number === item.dataset.number).length;
    const busy = item.querySelector(".busy");
    busy.hidden = !here;
    busy.textContent = here === 1 ? "1 call" : `${here} calls`;
  }
}

/** Another document is in force: the accounts as the page would have them now. */
async function renewAccounts() {
  const answer = await ask("/").catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const accounts = page.querySelector(".accounts");
  if (!accounts) return;
  document.querySelector(".accounts").replaceChildren(...accounts.children);
  countByAccount();
}

function entry(told) {
  record.add(told);
  if (told.picker !== me || told.by !== "console") return;
  const words = {
    picked_up: "You have the call.",
    not_taken: "Your phone did not answer: the call rings on.",
    lost: "Somebody else was faster, or the caller has given up.",
  }[told.outcome];
  if (!words) return;
  awaited = "";
  notice(words, told.outcome !== "picked_up");
}

/** A call is no more, and nothing may be written of it: its node may have died. */
function gone(id) {
  setTimeout(() => {
    if (awaited !== id) return;
    awaited = "";
    notice("The call has ended.", true);
  }, OUTCOME_WITHIN_MS);
}

async function pickUp(call) {
  notice("");
  const answer = await ask(`/api/v1/calls/${encodeURIComponent(call.id)}/pickup`, { method: "POST" }).catch(() => null);
  if (answer?.status === 202) {
    awaited = call.id;
    notice(`Your phone rings. Answer it, and you have ${callerOf(call)} for ${accountOf(call)}.`);
    return;
  }
  const told = answer ? await answer.json().catch(() => ({})) : {};
  notice([told.reason ?? "The console does not answer", told.message].filter(Boolean).join(": "), true);
}

function notice(words, isBad = false) {
  const place = byId("notice");
  place.hidden = !words;
  place.dataset.kind = isBad ? "bad" : "good";
  place.textContent = words;
}

function say(words) {
  byId("announce").textContent = words;
}

function link() {
  const isAway = state.store === "away";
  const place = byId("link");
  place.dataset.state = !isConnected || isAway ? "away" : "live";
  byId("link-text").textContent = !isConnected ? "Not connected" : isAway ? "Store away" : "Live";
  const words = !isConnected
    ? "No connection to the console. What is shown may be out of date; trying again."
    : isAway
      ? "The state store does not answer. Calls go on, but none can be picked up now; what is shown is out of date."
      : "";
  const banner = byId("banner");
  if (banner.textContent !== words) banner.textContent = words;
  banner.hidden = !words;
  document.body.classList.toggle("stale", Boolean(words));
}

async function begin() {
  offerSignOut();
  listen();
  const answer = await ask("/api/v1/record?count=200").catch(() => null);
  if (answer?.ok) for (const one of await answer.json()) record.add(one);
  record.noneYet();
  setInterval(() => {
    tick();
    if (Date.now() - heardAt > SILENT_MS) {
      isConnected = false;
      link();
      listen();
    }
  }, 500);
}

begin();
