"use strict";
// Listening: one sound at a time, a cursor on every picture of an utterance, the same moment in all of its versions.

const byId = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const isForm = (element) => /^(INPUT|TEXTAREA|SELECT|BUTTON|SUMMARY|A|AUDIO)$/.test(element.tagName);

// Whoever plays something else at once interrupts this, which is no fault.
const begin = (audio) => audio.play().catch((fault) => { if (fault.name !== "AbortError") throw fault; });

let current = null; // the audio element that was heard last

// A browser that refuses the sound inside the page gets the same bytes as a file in memory.
function sourceAgain(audio) {
  const [head, body] = audio.getAttribute("src").split(",");
  if (!body || audio.dataset.again) return;
  audio.dataset.again = "yes";
  const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  audio.src = URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
}

function startFrame() {
  if (!current) return;
  showCursor(current);
  if (!current.paused) requestAnimationFrame(startFrame);
}

function showCursor(audio) {
  const box = audio.closest(".utterance");
  if (!box) return;
  for (const picture of all(".picture", box)) {
    const share = Math.min(1, audio.currentTime / Number(picture.dataset.seconds));
    picture.querySelector(".cursor").style.left = `${100 * share}%`;
  }
}

function heard(audio) {
  if (current && current !== audio) current.pause();
  current = audio;
  all(".playing").forEach((box) => box.classList.remove("playing"));
  audio.closest(".utterance")?.classList.add("playing");
  startFrame();
}

// Another version goes on where the one before is, so that a difference is heard at once.
function switchTo(audio) {
  const isSame = current && current.closest(".utterance") === audio.closest(".utterance");
  const at = isSame && current !== audio && !current.ended ? current.currentTime : null;
  if (at !== null) audio.currentTime = Math.min(at, audio.duration || at);
  return begin(audio);
}

function audiosOf(box) {
  return all("audio", box).filter((audio) => !audio.closest(".stop") || audio.closest(".shown"));
}

function onKey(event) {
  const box = event.currentTarget;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
  const audio = audiosOf(box)[Number(event.key) - 1];
  if (audio) {
    switchTo(audio);
  } else if (event.key === " " && !isForm(event.target)) {
    const last = current && current.closest(".utterance") === box ? current : audiosOf(box)[0];
    if (!last) return;
    if (last.paused) begin(last); else last.pause();
  } else {
    return;
  }
  event.preventDefault();
}

function onPoint(event) {
  const picture = event.currentTarget, box = picture.closest(".utterance"), edge = picture.getBoundingClientRect();
  const own = picture.closest(".row").querySelector("audio");
  const audio = own || (current && current.closest(".utterance") === box ? current : audiosOf(box)[0]);
  if (!audio) return;
  const seconds = ((event.clientX - edge.left) / edge.width) * Number(picture.dataset.seconds);
  audio.currentTime = Math.max(0, Math.min(seconds, audio.duration || seconds));
  heard(audio);
  begin(audio);
}

// A unit shows wherever else it stands on the page; arrow keys go from one to the next.
function chooseUnit(unit, isOn = true) {
  const strip = unit.closest(".row"), kind = strip.dataset.kind;
  all(".unit.chosen").forEach((other) => other.classList.remove("chosen"));
  all(".row.strip .told").forEach((told) => { told.textContent = ""; });
  all(".units").forEach((units) => { delete units.dataset.at; });
  if (!isOn) return;
  all(`.row.strip[data-kind="${kind}"] .unit`).filter((box) => box.dataset.unit === unit.dataset.unit)
    .forEach((box) => box.classList.add("chosen"));
  strip.querySelector(".told").textContent = unit.title;
  unit.parentElement.dataset.at = all(".unit", unit.parentElement).indexOf(unit);
}

function onUnitKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], units = all(".unit", event.currentTarget);
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = Number(event.currentTarget.dataset.at ?? (step > 0 ? -1 : units.length)) + step;
  chooseUnit(units[Math.max(0, Math.min(at, units.length - 1))]);
  event.preventDefault();
  event.stopPropagation();
}

function slide() {
  const slider = byId("stop-slider");
  if (!slider) return;
  const stops = all(".stop"), box = byId("stops");
  box.classList.add("sliding");
  const show = () => {
    const shown = stops[Number(slider.value)], before = stops.find((stop) => stop.classList.contains("shown"));
    const wasPlaying = before && !before.querySelector("audio").paused;
    stops.forEach((stop) => stop.classList.toggle("shown", stop === shown));
    byId("stop-name").textContent = shown.dataset.name;
    slider.setAttribute("aria-valuetext", shown.dataset.name);
    if (wasPlaying && before !== shown) switchTo(shown.querySelector("audio"));
  };
  slider.addEventListener("input", show);
  show();
}

for (const audio of all("audio")) {
  audio.addEventListener("play", () => heard(audio));
  audio.addEventListener("timeupdate", () => audio === current && showCursor(audio));
  audio.addEventListener("seeked", () => audio === current && showCursor(audio));
  audio.addEventListener("error", () => sourceAgain(audio));
  if (audio.error) sourceAgain(audio);
}
all(".utterance").forEach((box) => box.addEventListener("keydown", onKey));
all(".picture").forEach((picture) => picture.addEventListener("click", onPoint));
all(".unit").forEach((unit) => unit.addEventListener("click", () =>
  chooseUnit(unit, unit.parentElement.dataset.at !== String(all(".unit", unit.parentElement).indexOf(unit)))));
all(".units").forEach((units) => units.addEventListener("keydown", onUnitKey));
slide();
