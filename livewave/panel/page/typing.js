// The computer's keyboard as a piano: two rows, as DAWs have them. Keys count by their place, whatever letter is on them.

const SEMITONES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ",
  "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon", "Quote"];
export const WRITTEN = SEMITONES.map(code => ({Semicolon: ";", Quote: "'"})[code] || code.slice(3));
const LETTERS = new Map(SEMITONES.map((code, semitones) => [code, semitones]));
const WRITTEN_INTO = "input[type=number], input[type=text], select, textarea";
const PRESSED_BY_SPACE = "button:not([data-pitch]), input[type=radio], input[type=checkbox], summary, select";

// actions  what else keys do, by code
export function playByLetters(notes, keys, actions) {
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.code === "Space" && !event.target.matches(PRESSED_BY_SPACE)) {
      event.preventDefault();  // the page stays where it is
      if (!event.repeat) notes.pedal("letter:Space", 1);
    }
    if (event.code !== "Escape" && event.target.matches(WRITTEN_INTO) || event.repeat) return;
    if (LETTERS.has(event.code)) notes.press(`letter:${event.code}`, keys.base + LETTERS.get(event.code), keys.velocity);
    else if (Object.hasOwn(actions, event.code)) actions[event.code]();
    else return;
    event.preventDefault();  // an apostrophe begins a search in some browsers
  });
  addEventListener("keyup", event => {
    if (event.code === "Space") notes.pedal("letter:Space", 0);
    notes.release(`letter:${event.code}`);
  });
  // Without the focus nobody tells that a key was let go.
  const leave = () => ["letter:", "pointer:", "enter:"].forEach(kind => notes.releaseAll(kind));
  addEventListener("blur", leave);
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.hidden && leave());
}
