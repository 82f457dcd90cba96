// Sends a sheet and moves the bar: blue while it works, green when it was sent, red when it was not. Without it the form does the same slowly.
const form = document.querySelector("[data-nccid-upload]");

const FIRST = 40; // percent of the bar for the way to the portal; the rest is the check
const PAUSE = 300; // milliseconds between two questions

function part(name) {
  return form.querySelector(`[data-nccid-${name}]`);
}

function say(words, kind) {
  const said = part("said");
  said.className = kind ? `nccid-outcome nccid-outcome--${kind}` : "";
  said.textContent = words;
}

function show(percent, doing, kind = "") {
  const bar = part("bar");
  bar.hidden = false;
  const progress = bar.querySelector("progress");
  progress.value = percent;
  progress.className = `nccid-progress ${kind ? `nccid-progress--${kind}` : ""}`;
  if (doing) part("doing").textContent = doing;
}

let stale = false; // after a refusal the page's token may be that of a session that has ended

function fail(words) {
  stale = true;
  show(100, "Not sent", "refused");
  say(words, "refused");
  part("send").disabled = false;
}

// The token of the session that there is now, as after a login in another tab; null where there is none.
async function renewed() {
  try {
    const answer = await fetch(form.getAttribute("action"), { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("[data-nccid-upload] input[name=token]")?.value || null;
  } catch {
    return null;
  }
}

async function send(file) {
  part("send").disabled = true;
  if (stale) form.elements.token.value = (await renewed()) || form.elements.token.value;
  show(0, "Sending the file to be checked");
  say("Sending the file to be checked.");
  const request = new XMLHttpRequest();
  request.open("POST", form.getAttribute("action"));
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = (event) => show((FIRST * event.loaded) / event.total);
  request.onerror = () => fail("The connection was lost. Nothing may have been sent: look at the Summary, or upload the file again.");
  request.onload = () => {
    const answer = request.response || {};
    if (request.status === 202) watch(answer.job);
    else fail(answer.problem || "The portal did not take the file. Load this page again and try once more.");
  };
  const body = new FormData();
  body.append("token", form.elements.token.value);
  body.append("file", file, "sheet.xlsx"); // the file's own name stays here: it may say who a patient is
  request.send(body);
}

async function watch(job) {
  say("Checking the sheet.");
  for (let misses = 0; misses < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const state = await ask(`${job}/progress`);
    if (!state) {
      misses += 1;
      continue;
    }
    if (state.problem) return fail(state.problem);
    const rows = state.rows ? ` of ${state.rows.toLocaleString("en-GB")} rows` : "";
    show(FIRST + ((100 - FIRST) * state.percent) / 100, state.stage === "waiting" ? "Waiting for its turn" : `Checking the sheet${rows}`);
    if (state.stage === "done") return finish(job, state.accepted);
  }
  fail("The portal does not answer any more. Look at the Summary for what became of the upload.");
}

async function ask(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
    return await answer.json();
  } catch {
    return null;
  }
}

function finish(job, accepted) {
  show(100, accepted ? "Sent" : "Not sent", accepted ? "sent" : "refused");
  say(accepted ? "Correct and uploaded." : "Not sent: there are problems to correct.", accepted ? "sent" : "refused");
  setTimeout(() => location.assign(job), 700);
}

function objection(file) {
  if (!file) return "Choose the Excel file first.";
  if (file.size > Number(form.dataset.largest)) return `The file is larger than ${form.dataset.largestWords}. Copy the sheet with the patients into a fresh template and upload that.`;
  return null;
}

function start(event) {
  event.preventDefault();
  const file = form.elements.file.files[0];
  const words = objection(file);
  if (words) {
    show(100, "Not sent", "refused");
    say(words, "refused");
    form.elements.file.focus();
  } else {
    send(file);
  }
}

function drop(event) {
  event.preventDefault();
  part("drop").classList.remove("nccid-drop--over");
  if (event.dataTransfer.files.length) form.elements.file.files = event.dataTransfer.files;
}

if (form) {
  form.noValidate = true;
  form.addEventListener("submit", start);
  const area = part("drop");
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("nccid-drop--over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("nccid-drop--over"));
  area.addEventListener("drop", drop);
  window.addEventListener("pageshow", () => (part("send").disabled = false));
}
