"""A visitor who has the panel open in a browser."""

from __future__ import annotations

WAIT_MS = 20_000
DESK, TELEPHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SCREENS = [(360, 740), (740, 360), (820, 1180), (1280, 800), (1920, 1080)]  # of telephones, a tablet, and on desks
LEAST_TOUCH_PX = 44
NO_MIDI = "delete Navigator.prototype.requestMIDIAccess;"

OURS = "willReadFrequently"  # advice for who reads canvases as `colours` does


class Visitor:
    """A tab with the panel at `url`. `troubles` is what the browser complained of, and what was asked of other machines.

    before  a script that runs before the page's
    """

    def __init__(self, browser, url: str, before: str = "", **options: object) -> None:
        self.context = browser.new_context(**{"viewport": DESK, **options})
        self.tab = self.context.new_page()
        self.troubles: list[str] = []
        self.tab.set_default_timeout(WAIT_MS)
        self.tab.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.tab.on("console", lambda line: line.type in ("error", "warning") and OURS not in line.text and self.troubles.append(line.text))
        self.tab.on("request", lambda asked: asked.url.startswith(url) or self.troubles.append(f"asked for {asked.url}"))
        if before:
            self.tab.add_init_script(before)
        self.tab.goto(url)

    def close(self) -> None:
        self.context.close()

    def reads(self, selector: str) -> str:
        return self.tab.locator(selector).first.inner_text()

    def rest(self) -> None:
        """Let go of everything, and call for silence."""
        for key in ("a", "s", "j", "Space", "Enter"):
            self.tab.keyboard.up(key)
        self.tab.mouse.up()
        self.tab.evaluate("document.activeElement.blur()")
        self.tab.keyboard.press("Escape")

    def reload(self) -> None:
        self.tab.reload()
        self.await_ready()

    def await_state(self, state: str = "playing") -> None:
        self.tab.wait_for_selector(f"body[data-state='{state}']")

    def await_ready(self) -> None:
        """Until the daemon is there and its status has been told."""
        self.await_state()
        self.tab.wait_for_function("() => document.querySelector('select[data-address=\"/livewave/model\"]').value !== ''")

    def await_text(self, selector: str, text: str) -> None:
        self.tab.wait_for_function("([selector, text]) => document.querySelector(selector).innerText.includes(text)", arg=[selector, text])

    def turn(self, address: str, value: float, argument: str = "") -> None:
        """A slider, as by a hand."""
        which = f"[data-argument='{argument}']" if argument else ""
        self.tab.locator(f"input[data-address='{address}']{which}").evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value)

    def colours(self, canvas: str) -> dict[tuple[int, int, int], int]:
        """How many pixels of a canvas have each colour."""
        counts = self.tab.locator(canvas).evaluate("""canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), counts = {};
            for (let place = 0; place < data.length; place += 4) {
                const colour = data.slice(place, place + 3).join(",");
                counts[colour] = (counts[colour] || 0) + 1;
            }
            return counts;
        }""")
        return {tuple(map(int, colour.split(","))): count for colour, count in counts.items()}

    def await_colour(self, canvas: str, colour: tuple[int, int, int], least: int = 20) -> None:
        self.tab.wait_for_function("""([selector, colour, least]) => {
            const canvas = document.querySelector(selector);
            if (!canvas.width || !canvas.height) return false;
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let place = 0; place < data.length; place += 4)
                count += data[place] === colour[0] && data[place + 1] === colour[1] && data[place + 2] === colour[2];
            return count >= least;
        }""", arg=[canvas, list(colour), least])
