// What is asked, and what has happened. `test` holds the trials under blind names; the plan follows from the seed
// alone, so that a reload finds the same order again; `state` survives the reload in localStorage.

const test = JSON.parse(document.getElementById("test").textContent);
const query = new URLSearchParams(location.search);
const LONGEST_NAME = 64, LONGEST_COMMENT = 2000;
const participant = () => (query.get("participant") || "").slice(0, LONGEST_NAME);
// A participant's own, so that nobody's answers take the place of another's.
const STORE = "livewave-listening-" + test.page + (participant() ? "-" + participant() : "");
const EXAMPLES = 3;  // clips to set the volume by

// Chance: mulberry32 (Ettinger 2017), so that a seed means the same order in every browser.
function chance(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6D2B79F5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(items, random) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

// At most `most` of the trials, taken in turns from every group, so that none is asked about much more than another.
function drawn(trials, most, groupOf, random) {
  const groups = new Map(), wanted = Math.min(most || Infinity, trials.length), out = [];
  for (const trial of shuffled(trials, random)) {
    const group = groupOf(trial);
    groups.set(group, [...(groups.get(group) || []), trial]);
  }
  for (let round = 0; out.length < wanted; round++)
    out.push(...[...groups.values()].map(group => group[round]).filter(Boolean));
  return shuffled(out.slice(0, wanted), random);
}

function makePlan(seed) {
  const random = chance(seed);
  const pairs = drawn(test.pairs, test.max_pairs, trial => trial.group, random)
    .map(({stimulus, clips, melody}) => ({kind: "pair", stimulus, clips: shuffled(clips, random), melody}));
  const honest = [...pairs];
  for (let i = 0; i < test.checks; i++) {  // an identical pair, anywhere but first
    const like = honest[Math.floor(random() * honest.length)];
    const check = {...like, kind: "check", clips: [like.clips[0], like.clips[0]]};
    pairs.splice(1 + Math.floor(random() * pairs.length), 0, check);
  }
  const ratings = drawn(test.ratings, test.max_ratings, trial => trial.question, random)
    .map(trial => ({...trial, kind: "rate", clips: shuffled(trial.clips, random)}));
  const clips = new Set(shuffled([...test.pairs, ...test.ratings].flatMap(trial => trial.clips), random));
  const parts = [["pair", pairs], ["rate", ratings]].filter(([, trials]) => trials.length);
  const screens = parts.flatMap(([asks, trials], index) => [{kind: "part", asks, index, of: parts.length}, ...trials]);
  const sound = {kind: "sound", clips: [...clips].slice(0, EXAMPLES)};
  return [{kind: "welcome"}, sound, ...screens, {kind: "comment"}, {kind: "done"}];
}

const isTrial = step => ["pair", "check", "rate"].includes(step.kind);

let canStore = true;
const seedAsked = () => Number(query.get("seed")) >>> 0;

function fresh() {
  const random = crypto.getRandomValues(new Uint32Array(3));
  return {
    seed: query.has("seed") ? seedAsked() : random[0], id: random[1].toString(36) + random[2].toString(36),
    participant: participant(), started: new Date().toISOString(), finished: null, resumed: 0,
    at: 0, consent: null, output: null, comment: "", trials: [], saved: false,
  };
}

function load() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(STORE)); } catch (error) { canStore = false; }
  const another = kept && query.has("seed") && seedAsked() !== kept.seed;
  if (!kept || another) return fresh();
  if (!kept.finished && kept.at > 0) kept.resumed += 1;
  return kept;
}

function keep() {
  try { localStorage.setItem(STORE, JSON.stringify(state)); } catch (error) { canStore = false; }
}

let state = load(), plan = makePlan(state.seed);

function startAnew() {
  state = fresh();
  plan = makePlan(state.seed);
  keep();
}

function browser() {  // a family without a version: enough to explain a clip that would not play
  const families = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["FxiOS/", "Firefox"], ["Chrom", "Chromium"],
    ["CriOS/", "Chromium"], ["Safari/", "Safari"]];
  const found = families.find(([token]) => navigator.userAgent.includes(token));
  return found ? found[1] : "other";
}

function results() {
  return {
    schema: "livewave-listening-results", version: 1, page: test.page, id: state.id, participant: state.participant,
    seed: state.seed, started: state.started, finished: state.finished, resumed: state.resumed, consent: state.consent,
    output: state.output, browser: browser(), pointer: matchMedia("(pointer: coarse)").matches ? "touch" : "mouse",
    comment: state.comment, trials: state.trials,
  };
}
