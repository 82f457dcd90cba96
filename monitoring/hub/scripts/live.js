// Keeps the page as the hub knows it: told by events that something moved, it fetches the page again and changes only what differs,
// so that focus, selection and scrolling stay where they are. Without this script the page shows what was true when it was loaded.
const PAUSE_MS = 350; // at most so often is the page fetched
const CHART_MS = 2000;
const SAY_MS = 30000; // at most so often is a screen reader told
const CHART_HEIGHT = 286;
const DAY = 86400;

const live = [...document.querySelectorAll("[data-live]")];
const said = document.querySelector("[data-said]");
const place = document.querySelector("[data-chart]");
let busy = false;
let again = false;
let timer = 0;
let saidAt = Date.now();
let chart = null;
let drawnAt = 0;

function soon() {
  if (busy || document.hidden) again = true;
  else if (!timer) timer = setTimeout(refresh, PAUSE_MS);
}

async function refresh() {
  timer = 0;
  busy = true;
  again = false;
  try {
    const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
    if (new URL(answer.url).pathname === "/login") return location.assign("/login");
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (place && Date.now() - drawnAt > CHART_MS) await draw();
  } catch {
    again = false; // the stream tells when the hub is back
  } finally {
    busy = false;
    if (again && !document.hidden) soon();
  }
}

function show(page) {
  for (const part of live) {
    const fresh = page.getElementById(part.id);
    if (fresh) patch(part, fresh);
  }
  const words = document.querySelector("[data-summary]")?.textContent.trim();
  if (said && words && Date.now() - saidAt > SAY_MS && said.textContent !== words) {
    said.textContent = words;
    saidAt = Date.now();
  }
}

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes ?? []) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...(old.attributes ?? [])]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  const now = [...fresh.childNodes];
  [...old.childNodes].forEach((child, at) => {
    if (at >= now.length) child.remove();
    else if (child.nodeName !== now[at].nodeName) child.replaceWith(now[at].cloneNode(true));
    else patch(child, now[at]);
  });
  for (const child of now.slice(old.childNodes.length)) old.append(child.cloneNode(true));
}

async function draw() {
  const asked = new URLSearchParams({ span: place.dataset.span, site: place.dataset.site });
  const answer = await fetch(`/course?${asked}`, { cache: "no-store" });
  if (!answer.ok) return;
  const { times, known, complete } = await answer.json();
  drawnAt = Date.now();
  if (chart) return chart.setData([times, known, complete]);
  if (times.length) chart = new uPlot(looks(), [times, known, complete], place);
}

function looks() {
  const font = "14px Arial, sans-serif";
  const axis = { stroke: "#212b32", font, grid: { stroke: "#d8dde0", width: 1 }, ticks: { stroke: "#4c6272" } };
  const steps = uPlot.paths.stepped({ align: 1 });
  const points = { show: false };
  const days = place.dataset.span === "days";
  return {
    width: place.clientWidth,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: (_, low, high) => [0, Math.max(1, high) * 1.05] } },
    axes: [
      { ...axis, space: 90, incrs: (days ? [1, 2, 7, 14, 28, 91, 182, 364] : [1, 5, 10]).map((each) => each * (days ? DAY : 60)), values: (_, ticks) => ticks.map((at) => moment(at, days)) },
      { ...axis, size: 64, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5], values: (_, ticks) => ticks.map((each) => each.toLocaleString("en-GB")) },
    ],
    series: [
      {},
      { stroke: "#212b32", width: 2, dash: [8, 5], paths: steps, points },
      { stroke: "#007f3b", width: 3, fill: "rgba(0, 127, 59, 0.12)", paths: steps, points },
    ],
  };
}

function moment(seconds, day) {
  const at = new Date(seconds * 1000);
  const form = day ? { day: "2-digit", month: "2-digit", year: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
  return at.toLocaleString("en-GB", { ...form, timeZone: "UTC" });
}

function listen() {
  const events = new EventSource("/live");
  for (const kind of ["coverage", "alert", "again"]) events.addEventListener(kind, soon);
  events.addEventListener("view", soon);
  events.addEventListener("ended", () => location.assign("/login"));
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  });
  addEventListener("pagehide", () => events.close(), { once: true });
}

document.addEventListener("visibilitychange", () => !document.hidden && again && soon());
if (place) {
  addEventListener("load", draw);
  new ResizeObserver(() => chart?.setSize({ width: place.clientWidth, height: CHART_HEIGHT })).observe(place);
}
listen();
