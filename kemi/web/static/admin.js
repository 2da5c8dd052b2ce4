// The administrator's view: checking and applying the document.

import { ask, offerSignOut } from "./session.js";

const form = document.getElementById("document");
const result = document.getElementById("result");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const isApply = event.submitter?.value === "apply";
  const request = isApply
    ? ["/api/v1/admin/document", { method: "PUT", headers: { "If-Match": `"${form.dataset.version}"` } }]
    : ["/api/v1/admin/check", { method: "POST" }];
  const [path, options] = request;
  const headers = { ...options.headers, "Content-Type": "application/yaml" };
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await ask(path, { ...options, headers, body: form.elements.text.value });
    await tell(await answer.json(), isApply);
  } catch {
    say("The console does not answer; nothing is known to have changed.", true);
  } finally {
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
});

async function tell(told, isApply) {
  if (told.reason) {
    say(`${told.reason}: ${told.message}`, true);
  } else if (!told.valid) {
    const many = told.faults.length === 1 ? "1 fault" : `${told.faults.length} faults`;
    say(`The document has ${many}; nothing was changed.`, true);
    const list = result.appendChild(document.createElement("ul"));
    for (const fault of told.faults) {
      const item = list.appendChild(document.createElement("li"));
      item.appendChild(document.createElement("code")).textContent = fault.path;
      item.append(` ${fault.message}`);
    }
  } else if (isApply) {
    sessionStorage.setItem("applied", `In force: version ${told.version}.`);
    location.reload();
  } else {
    say(`Valid: ${told.domains} domains, ${told.accounts} accounts, ${told.trunks} trunks.`);
  }
}

function say(words, isBad = false) {
  const line = document.createElement("p");
  line.className = isBad ? "bad" : "";
  line.textContent = words;
  result.replaceChildren(line);
}

// Not before: a form that is sent without this script would put the document into an address.
for (const button of form.querySelectorAll("button")) button.disabled = false;
const applied = sessionStorage.getItem("applied");
if (applied) {
  sessionStorage.removeItem("applied");
  say(applied);
}
offerSignOut();
