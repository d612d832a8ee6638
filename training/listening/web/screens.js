// Screens and keys. A screen is {body, keys}, and if need be: focus, key(key, event) -> whether it was for this screen,
// space() -> the player the space bar means, missing() -> what is to be done before the next one, refresh(), leave().

const GRADES = ["Bad", "Poor", "Fair", "Good", "Excellent"];
const SIDES = ["a", "same", "b"];
let view = null, since = 0;

function show() {
  silence();
  const step = plan[state.at], trials = plan.filter(isTrial), done = plan.slice(0, state.at).filter(isTrial).length;
  view = SCREENS[step.kind](step);
  find("name").style.visibility = step.kind === "welcome" ? "hidden" : "";  // its heading says it
  find("where").textContent = isTrial(step) ? `${done + 1} of ${trials.length}` : "";
  find("progress").max = trials.length;
  find("progress").value = done;
  find("progress").setAttribute("aria-valuetext", `${done} of ${trials.length} done`);
  find("screen").replaceChildren(...view.body.filter(Boolean));
  find("keys").replaceChildren(...view.keys.map(([keys, what]) =>
    make("span", null, ...keys.split(" ").map(key => make("kbd", null, key)), " " + what)));
  say(view.said || "");
  (view.focus || find("screen").querySelector("h1")).focus();
  scrollTo(0, 0);
  since = performance.now();
}

function next() {
  const missing = view.missing ? view.missing() : "";
  if (missing) return say(missing, true);
  if (view.leave) view.leave();
  state.at += 1;
  keep();
  show();
}

function follow() {  // the bars, and whether all is done that the next screen needs
  for (const player of players) if (player.playing) { player.count(); player.show(); }
  if (view.refresh) view.refresh();
  requestAnimationFrame(follow);
}

// Parts of screens

const heading = text => make("h1", {tabIndex: -1}, text);
const paragraphs = text => text.split(/\n\s*\n/).filter(Boolean).map(part => make("p", null, part));
const list = texts => make("ul", null, ...texts.map(text => make("li", null, text)));

function onward(text) {
  const button = make("button", {type: "button", className: "action", onclick: next}, text);
  return {row: make("div", {className: "row"}, button), refresh: () => {
    button.setAttribute("aria-disabled", String(Boolean(view.missing && view.missing())));
  }};
}

function judge(clips) {
  return clips.map((clip, index) => {
    const letter = String.fromCharCode(65 + index), player = new Player(clip, letter, `clip ${letter}`);
    player.judged = true;
    return player;
  });
}

// What may be heard beside the clips: each has a key, R or M.
function beside(trial) {
  const found = [];
  if (trial.reference) found.push(["r", new Player(trial.reference, "Reference", "the reference", true)]);
  if (trial.melody) found.push(["m", new Player(trial.melody, "Melody as written", "the melody as written", true)]);
  return {
    row: found.length ? make("div", {className: "aside"}, ...found.map(([, player]) => player.button)) : null,
    keys: found.map(([key, player]) => [key.toUpperCase(), player.name]),
    key: pressed => found.some(([key, player]) => key === pressed && (player.play(), true)),
  };
}

function radios(name, choices, onpick) {
  return choices.map(([value, text, label]) => {
    const input = make("input", {type: "radio", name, value, onchange: () => onpick(value)});
    input.setAttribute("aria-label", label || text);
    return {input, label: make("label", null, input, make("span", null, text))};
  });
}

const row = choices => make("div", {className: "choices"}, ...choices.map(choice => choice.label));

function sliderRow(player, question, onset) {
  const shown = make("output", {"aria-hidden": "true"}, "–");
  const slider = make("input", {type: "range", min: 0, max: 100, step: 1, value: 50, className: "untouched",
    "aria-label": `${player.name}: ${question}`, "aria-valuetext": "not rated",
    oninput: () => onset(Number(slider.value)), onclick: () => onset(Number(slider.value))});
  return {element: make("li", null, player.button, slider, shown), focus: () => slider, show: value => {
    slider.value = value;
    slider.className = "";
    slider.setAttribute("aria-valuetext", `${value}, ${GRADES[Math.min(4, Math.floor(value / 20))]}`);
    shown.textContent = value;
  }};
}

function gradeRow(player, question, onset) {
  const grades = GRADES.map((grade, index) => [String(index + 1), `${index + 1} ${grade}`]);
  const choices = radios(player.clip, grades, value => onset(Number(value)));
  const group = {className: "grades", role: "group", "aria-label": `${player.name}: ${question}`};
  const element = make("li", group, player.button, row(choices));
  return {element, focus: () => (choices.find(choice => choice.input.checked) || choices[0]).input, show: value => {
    choices[value - 1].input.checked = true;
    if (element.contains(document.activeElement)) choices[value - 1].input.focus();  // what is seen is what is set
  }};
}

function note(trial, answers) {
  judged().forEach(player => player.count());
  state.trials.push({
    kind: trial.kind, stimulus: trial.stimulus, ...(trial.question ? {question: trial.question} : {}),
    clips: trial.clips, ...answers, plays: judged().map(player => player.plays),
    heard_s: judged().map(player => Math.round(player.heard * 100) / 100),
    seconds: Math.round((performance.now() - since) / 100) / 10,
  });
}

const SCREENS = {
  welcome() {
    const box = test.consent ? make("input", {type: "checkbox", checked: state.consent === true}) : null;
    const agree = make("span", null, "I have read this, and take part of my own free will.");
    const consent = box ? [make("div", {className: "consent"}, ...paragraphs(test.consent)),
      make("label", {className: "tickbox"}, box, agree)] : [];
    const go = onward("Begin");
    return {
      body: [heading(test.title), ...paragraphs(test.intro),
        make("p", null, "You will hear short clips and say how they compare. It takes about "
          + `${test.minutes} minute${test.minutes === 1 ? "" : "s"}. Please use headphones, in a quiet place.`),
        ...consent, go.row,
        make("p", {className: "soft after"}, canStore
          ? "You may close the page and come back: it remembers where you were, on this device only."
          : "This browser keeps nothing for this page: please do not close or reload it before the end.")],
      keys: [...(box ? [["Space", "agree"]] : []), ["Enter", "begin"]],
      focus: box, refresh: go.refresh,
      missing: () => box && !box.checked ? "Please read and tick the box to take part." : "",
      leave: () => { state.consent = box ? box.checked : null; },
    };
  },

  sound(step) {
    const clips = step.clips.map((clip, index) => new Player(clip, String(index + 1), `example ${index + 1}`));
    const outputs = [["headphones", "Headphones"], ["loudspeakers", "Loudspeakers"]];
    const choices = radios("output", outputs, value => { state.output = value; });
    const pick = value => {
      state.output = value;
      choices.find(choice => choice.input.value === value).input.checked = true;
    };
    const go = onward("Continue");
    if (state.output) pick(state.output);
    return {
      body: [heading("Set your volume"),
        make("p", null, "These are some of the clips that you will hear. Play them, set a comfortable volume,"
          + " and leave it so until the end."),
        make("div", {className: clips.length > 2 ? "players three" : "players"}, ...clips.map(player => player.button)),
        make("fieldset", null, make("legend", null, "What are you listening on?"), row(choices)), go.row],
      keys: [["Space", "play, pause"], [clips.map((_, index) => index + 1).join(" "), "play one"],
        ["H L", "headphones, loudspeakers"], ["Enter", "continue"]],
      refresh: go.refresh,
      key: key => {
        if (clips[Number(key) - 1]) clips[Number(key) - 1].play();
        else if (key === "h" || key === "l") pick(key === "h" ? "headphones" : "loudspeakers");
        else return false;
        return true;
      },
      missing: () => !players.some(player => player.isHeard) ? "Please play one of the clips to set your volume."
        : state.output ? "" : "Please say what you are listening on.",
    };
  },

  part(step) {
    const asked = list(test.questions[step.asks].map(question => question.text));
    const trials = step.asks === "pair" ? test.pairs : test.ratings;
    const pair = [heading("Two clips at a time"),
      make("p", null, "Listen to both clips, as often as you like, then answer:"), asked,
      make("p", null, "Trust your ears: there is no right answer. If you hear no difference, say so.")];
    const rate = [heading("Several clips at a time"),
      make("p", null, "Listen to every clip, as often as you like, and rate each on its own:"), asked,
      make("p", null, test.scale === 5 ? "The grades go from 1, bad, to 5, excellent."
        : "The scale goes from 0, bad, to 100, excellent. Use as much of it as you hear reason for.")];
    return {
      body: [make("p", {className: "soft"}, step.of > 1 ? `Part ${step.index + 1} of ${step.of}` : "How it works"),
        ...(step.asks === "pair" ? pair : rate),
        trials[0].reference ? make("p", null, "The reference is how it should sound."
          + " It is also hidden among the clips.") : null,
        trials[0].melody ? make("p", null, "“Melody as written” plays the bare notes, to compare with."
          + " Its own sound is not to be judged.") : null,
        onward("Start").row],
      keys: [["Enter", "start"]],
    };
  },

  pair(step) {
    const clips = judge(step.clips), extra = beside(step), answers = {}, questions = test.questions.pair;
    const go = onward("Next");
    let active = 0;
    const point = index => {
      active = Math.max(0, Math.min(questions.length - 1, index));
      fields.forEach((field, i) => field.element.classList.toggle("active", questions.length > 1 && i === active));
    };
    const choose = (index, side) => {
      answers[questions[index].id] = side;
      fields[index].choices[SIDES.indexOf(side)].input.checked = true;
      point(index);
    };
    const answer = side => {
      choose(active, side);
      const open = questions.findIndex(question => !answers[question.id]);
      if (open >= 0) point(open);
    };
    const move = by => {
      const at = SIDES.indexOf(answers[questions[active].id]);
      choose(active, at < 0 ? (by < 0 ? "a" : "b") : SIDES[Math.max(0, Math.min(2, at + by))]);
    };
    const fields = questions.map((question, index) => {
      const sides = [["a", "A", "clip A"], ["same", "No difference"], ["b", "B", "clip B"]];
      const choices = radios(question.id, sides, side => choose(index, side));
      const element = make("fieldset", {className: "question"}, make("legend", null, question.text), row(choices));
      element.addEventListener("focusin", () => point(index));
      return {choices, element};
    });
    point(0);
    return {
      body: [heading("Listen to both"), extra.row,
        make("div", {className: "players"}, ...clips.map(player => player.button)),
        ...fields.map(field => field.element), go.row],
      keys: [["Space", "play, pause"], ["1 2", "play A, B"], ...extra.keys, ["A B N", "answer: A, B, no difference"],
        ["← →", "move the answer"], ...(questions.length > 1 ? [["↑ ↓", "question"]] : []), ["Enter", "next"]],
      refresh: go.refresh,
      key: key => {
        const side = {a: "a", b: "b", n: "same"}[key];
        const by = {arrowleft: -1, arrowup: -1, arrowright: 1, arrowdown: 1}[key];
        if (side) answer(side);
        else if (clips[Number(key) - 1]) clips[Number(key) - 1].play();
        else if (by) key === "arrowup" || key === "arrowdown" ? point(active + by) : move(by);
        else return extra.key(key);
        return true;
      },
      missing: () => {
        const open = questions.find(question => !answers[question.id]);
        return unheard() ? `Please listen to ${unheard().name} first.` : open ? `Please answer: ${open.text}` : "";
      },
      leave: () => note(step, {answers}),
    };
  },

  check(step) { return SCREENS.pair(step); },

  rate(step) {
    const clips = judge(step.clips), extra = beside(step), ratings = clips.map(() => null), grades = test.scale === 5;
    const question = test.questions.rate.find(asked => asked.id === step.question).text, go = onward("Next");
    let active = 0;
    const set = (index, value) => {
      ratings[index] = Math.max(grades ? 1 : 0, Math.min(test.scale, value));
      rows[index].show(ratings[index]);
    };
    const point = (index, focus) => {
      active = Math.max(0, Math.min(rows.length - 1, index));
      rows.forEach((row, i) => row.element.classList.toggle("active", i === active));
      if (focus) rows[active].focus().focus();
    };
    const move = by => set(active, ratings[active] !== null ? ratings[active] + by : grades ? 3 : 50 + by);
    const rows = clips.map((player, index) => {
      const row = (grades ? gradeRow : sliderRow)(player, question, value => set(index, value));
      row.element.addEventListener("focusin", () => point(index));
      return row;
    });
    point(0);
    const bands = make("div", {className: "bands", "aria-hidden": "true"},
      ...GRADES.map(grade => make("span", null, grade)));
    const letters = clips.map(player => player.name.slice(-1)).join(" ");
    return {
      body: [heading(question), extra.row, grades ? null : bands,
        make("ul", {className: "rated"}, ...rows.map(row => row.element)), go.row],
      keys: [["Space", "play, pause"], ["↑ ↓", "choose a clip"], [letters, "play it"], ...extra.keys,
        ["← →", "rate"], ["1 … 5", "bad … excellent"], ["Enter", "next"]],
      refresh: go.refresh,
      space: () => clips[active],
      key: (key, event) => {
        const letter = key.length === 1 ? key.charCodeAt(0) - 97 : -1, by = event.shiftKey && !grades ? 10 : 1;
        if (clips[letter]) { point(letter, true); clips[letter].play(); }
        else if (/^[1-5]$/.test(key)) set(active, grades ? Number(key) : 20 * Number(key) - 10);
        else if (key === "arrowleft" || key === "arrowright") move(key === "arrowleft" ? -by : by);
        else if (key === "arrowup" || key === "arrowdown") point(active + (key === "arrowup" ? -1 : 1), true);
        else return extra.key(key);
        return true;
      },
      missing: () => unheard() ? `Please listen to ${unheard().name} first.`
        : ratings.includes(null) ? `Please rate ${clips[ratings.indexOf(null)].name}.` : "",
      leave: () => note(step, {ratings}),
    };
  },

  comment() {
    const box = make("textarea", {value: state.comment, maxLength: LONGEST_COMMENT, "aria-label": "Your remarks",
      oninput: () => { state.comment = box.value; keep(); }});
    return {
      body: [heading("Anything to add?"),
        make("p", null, "What helped you to tell the clips apart, or what went wrong. You may leave this empty."),
        box, onward("Finish").row],
      keys: [["Enter", "finish (outside the box)"]],
      leave: () => { state.finished = new Date().toISOString(); },
    };
  },

  done() {
    const text = JSON.stringify(results(), null, 1);
    const own = state, one = Boolean(participant());  // the address names one listener: another needs another
    const json = make("textarea", {className: "json", readOnly: true, value: text, "aria-label": "Results as JSON"});
    const again = make("button", {type: "button", className: "plain", hidden: one || !own.saved,
      onclick: () => { startAnew(); show(); }}, "Start anew for another listener");
    const saved = word => {
      own.saved = true;
      if (own !== state) return;  // sent late: another listener has begun
      keep();
      again.hidden = one;
      say(word);
    };
    const download = () => {
      const link = make("a", {href: URL.createObjectURL(new Blob([text], {type: "application/json"})),
        download: `listening-${test.page.slice(0, 6)}-${state.id}.json`});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      saved("Downloaded. Please send the file to the person who asked you.");
    };
    const copy = async () => {
      try { await navigator.clipboard.writeText(text); } catch (error) {  // some browsers refuse on file://
        json.closest("details").open = true;
        json.select();
        if (!document.execCommand("copy")) return say("Copying was refused: copy the marked text by hand.", true);
      }
      saved("Copied.");
    };
    const first = make("button", {type: "button", className: "action", onclick: download}, "Download results");
    if (test.post && !state.saved) send(text, saved);
    return {
      body: [heading("Thank you"),
        make("p", null, test.post
          ? "Your answers are being sent. Should that fail, please download them, and send the file to the person who asked you."
          : "Please download your answers, and send the file to the person who asked you. Nothing has left this device."),
        make("p", {className: "soft"}, "Your number: ", make("code", null, state.id)),
        make("div", {className: "row"}, first,
          make("button", {type: "button", className: "plain", onclick: copy}, "Copy results"), again),
        make("details", null, make("summary", null, "See what is in it"), json)],
      keys: [["Enter", "download"], ["C", "copy"]],
      said: state.saved ? "These results were saved before." : "",
      focus: first,
      key: key => key === "c" && (copy(), true),
      isLast: true,
    };
  },
};

async function send(text, saved) {
  try {
    const answer = await fetch(test.post, {method: "POST", headers: {"Content-Type": "application/json"}, body: text});
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    saved("Your answers have arrived. You may close this page.");
  } catch (error) {
    say(`Sending failed (${error.message}). Please download your answers, and send the file to the person who asked you.`, true);
  }
}

function playOrPause() {
  const playing = players.find(player => player.playing);
  if (playing) return playing.audio.pause();
  const player = view.space ? view.space() : turn();
  player.play(player.midway);
}

document.addEventListener("keydown", event => {
  const on = event.target, key = event.key.toLowerCase(), onButton = on.tagName === "BUTTON";  // which has its own keys
  if (event.ctrlKey || event.metaKey || event.altKey || on.tagName === "TEXTAREA" || on.tagName === "SUMMARY") return;
  if (key === "enter") {
    if (onButton || view.isLast) return;
    if (!event.repeat) next();
  } else if (key === " ") {
    if (onButton || on.type === "checkbox" || !players.length) return;
    if (!event.repeat) playOrPause();
  } else if (!(view.key && view.key(key, event))) return;
  event.preventDefault();
});

show();
follow();
