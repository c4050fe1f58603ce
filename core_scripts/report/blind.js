// The blind test: pairs in random order, votes kept by the browser after each, told apart only at the end.

const blind = JSON.parse(byId("test-data").textContent);
const box = byId("blind");
let session = null; // {listener, seed, order: [[pair, isSwapped], ...], votes: [...]}
let isOver = false;
let sounds = []; // of the pair at hand, as they are called
let played = new Set(); // which of them were
let shownAt = 0;

// Numbers in [0, 1) from words, the same in every browser (xorshift, Marsaglia 2003, seeded by FNV-1a).
function numbersFrom(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16777619) >>> 0;
  state = state || 1;
  return () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 4294967296;
  };
}

function drawOrder(seed) {
  const next = numbersFrom(`${blind.id} ${seed}`);
  for (let skipped = 0; skipped < 16; skipped += 1) next();
  const order = blind.pairs.map((_, number) => number);
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order.map((pair) => [pair, next() < 0.5]);
}

const storageName = () => `recital-blind-${blind.id}`;

function keep() {
  try {
    localStorage.setItem(storageName(), JSON.stringify(session));
    byId("blind-kept").hidden = true;
  } catch {
    byId("blind-kept").hidden = false; // private windows may have no storage; the page says so
  }
}

function recall() {
  try {
    const found = JSON.parse(localStorage.getItem(storageName()));
    const isOurs = found && Array.isArray(found.votes) && found.order?.length === blind.pairs.length;
    return isOurs ? found : null;
  } catch {
    return null;
  }
}

function beginTest() {
  const listener = byId("blind-listener").value.trim(), seed = byId("blind-seed").value.trim() || "1";
  session = { listener, seed, order: drawOrder(`${listener} ${seed}`), votes: [] };
  isOver = false;
  keep();
  showPair();
}

// The louder of the two is turned down, since the louder one is often preferred for that alone.
function gains(first, second) {
  const levels = [first, second].map((audio) => Number(audio.dataset.rms));
  return levels.map((level, place) => (level > 0 && levels[1 - place] > 0 ? Math.min(1, levels[1 - place] / level) : 1));
}

function showPart(name) {
  for (const part of ["blind-start", "blind-pair", "blind-end"]) byId(part).hidden = part !== name;
}

function showPair() {
  const place = session.votes.length;
  if (place >= session.order.length || isOver) return showEnd();
  const [number, isSwapped] = session.order[place], pair = blind.pairs[number];
  const ids = isSwapped ? [pair.second, pair.first] : [pair.first, pair.second];
  const players = ids.map(byId), volumes = gains(...players);
  stopSounds();
  sounds = players.map((player, which) => Object.assign(new Audio(player.src), { volume: volumes[which] }));
  if (pair.reference) sounds.push(new Audio(byId(pair.reference).src));
  sounds.forEach((sound, which) => {
    for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, () => showPlaying(which));
  });
  byId("blind-reference").hidden = !pair.reference;
  byId("blind-place").textContent = `Pair ${place + 1} of ${session.order.length}`;
  byId("blind-back").disabled = place === 0;
  played = new Set();
  allowVotes();
  showPart("blind-pair");
  showPlaying(-1);
  shownAt = performance.now();
  box.focus({ preventScroll: true });
}

function showPlaying(which) {
  ["blind-first", "blind-second", "blind-reference"].forEach((id, place) => {
    byId(id).setAttribute("aria-pressed", String(place === which && !sounds[place]?.paused));
  });
}

function stopSounds() {
  sounds.forEach((sound) => sound.pause());
}

function allowVotes() {
  const isHeard = played.has(0) && played.has(1);
  for (const choice of ["first", "second", "none"]) byId(`blind-vote-${choice}`).disabled = !isHeard;
}

function playOne(which) {
  if (!sounds[which]) return;
  played.add(which);
  allowVotes();
  current?.pause();
  stopSounds();
  sounds[which].currentTime = 0;
  begin(sounds[which]);
  box.dataset.last = which;
}

function vote(choice) {
  if (!played.has(0) || !played.has(1)) return;
  const place = session.votes.length, [number, isSwapped] = session.order[place], pair = blind.pairs[number];
  const shown = isSwapped ? [blind.labels[1], blind.labels[0]] : blind.labels;
  session.votes.push({
    place: place + 1, utterance: pair.name, first: shown[0], second: shown[1], vote: choice,
    preferred: choice === "first" ? shown[0] : choice === "second" ? shown[1] : "",
    seconds: ((performance.now() - shownAt) / 1000).toFixed(1),
  });
  keep();
  showPair();
}

function takeBack() {
  session.votes.pop();
  isOver = false;
  keep();
  showPair();
}

function asCsv() {
  const columns = ["place", "utterance", "first", "second", "vote", "preferred", "seconds", "listener", "seed", "page"];
  const more = { listener: session.listener, seed: session.seed, page: blind.id };
  // A cell that begins like a formula would be run by a spreadsheet.
  const cell = (value) => `"${String(value).replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;
  const rows = session.votes.map((one) => columns.map((name) => cell(name in one ? one[name] : more[name])).join(","));
  return [columns.join(","), ...rows].join("\r\n") + "\r\n";
}

// Chance of so uneven a result or a more uneven one, were both alike: two-sided binomial test, exact.
function signTest(wins, losses) {
  const count = wins + losses, extreme = Math.max(wins, losses);
  let term = 0.5 ** count, sum = 0; // of k = 0 wins
  for (let k = 0; k <= count; k += 1) {
    if (k >= extreme) sum += term;
    term *= (count - k) / (k + 1);
  }
  return Math.min(1, 2 * sum);
}

function showEnd() {
  stopSounds();
  const [one, other] = blind.labels, wins = session.votes.filter((vote) => vote.preferred === one).length;
  const losses = session.votes.filter((vote) => vote.preferred === other).length;
  const none = session.votes.length - wins - losses;
  byId("blind-one").textContent = wins;
  byId("blind-other").textContent = losses;
  byId("blind-none").textContent = none;
  const chance = wins + losses ? signTest(wins, losses) : 1;
  byId("blind-verdict").textContent = wins + losses === 0 ? "No preference was given." :
    `Were both alike, a result at least so uneven would come with probability ${chance.toPrecision(2)} ` +
    "(two-sided sign test, votes without preference left out).";
  const list = byId("blind-key");
  list.replaceChildren(...session.votes.map((vote) => {
    const item = document.createElement("li");
    const chosen = vote.preferred ? `chosen: ${vote.preferred}` : "no preference";
    item.textContent = `${vote.utterance}: first ${vote.first}, second ${vote.second}; ${chosen}`;
    return item;
  }));
  showPart("blind-end");
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
  link.download = `votes_${(session.listener || "listener").replace(/[^\p{L}\p{N}_-]/gu, "_")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function onTestKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
  if (byId("blind-pair").hidden) return;
  const keys = {
    1: () => playOne(0), 2: () => playOne(1), 3: () => playOne(2), ArrowLeft: () => vote("first"),
    ArrowRight: () => vote("second"), ArrowDown: () => vote("none"), Backspace: () => session.votes.length && takeBack(),
  };
  if (event.key === " " && event.target.tagName !== "BUTTON") {
    const sound = sounds[Number(box.dataset.last || 0)];
    if (sound.paused) begin(sound); else sound.pause();
  } else if (keys[event.key]) {
    keys[event.key]();
  } else {
    return;
  }
  event.preventDefault();
}

if (box) {
  box.addEventListener("keydown", onTestKey);
  const actions = {
    "blind-begin": beginTest, "blind-first": () => playOne(0), "blind-second": () => playOne(1),
    "blind-reference": () => playOne(2), "blind-vote-first": () => vote("first"),
    "blind-vote-second": () => vote("second"), "blind-vote-none": () => vote("none"), "blind-back": takeBack,
    "blind-finish": () => { isOver = true; showEnd(); }, "blind-save": save, "blind-again": () => showPart("blind-start"),
    "blind-go-on": () => { session = recall(); showPair(); },
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  session = recall();
  byId("blind-go-on").hidden = !session;
}
