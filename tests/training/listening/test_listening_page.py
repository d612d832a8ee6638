"""The page as a listener meets it: a real Chromium opens it from file:// and answers by keys alone."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import training.listening
from tests.browser import browser, needs_chromium  # noqa: F401
from tests.training.listening.listeners import SYSTEMS, built, design_of
from training.listening.__main__ import main

PLAN = Path(training.listening.__file__).parent / "web" / "plan.js"
WAIT_MS = 20_000

pytestmark = needs_chromium


class Listener:
    """One who has a keyboard and no mouse; `troubles` is what the browser complained of."""

    def __init__(self, browser, page: Path, query: str = "", **options) -> None:
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.troubles: list[str] = []
        self.tab.set_default_timeout(WAIT_MS)
        self.tab.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.tab.on("console", lambda line: line.type in ("error", "warning") and self.troubles.append(line.text))
        self.tab.on("request", lambda asked: asked.url.startswith("http") and self.troubles.append(asked.url))
        self.tab.goto(f"{page.as_uri()}{query}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def reads(self, selector: str = "h1") -> str:
        return self.tab.locator(selector).first.inner_text()

    def hear(self, count: int) -> None:
        """Until `count` of the clips to be judged count as heard."""
        self.tab.locator(".players .play.heard, .rated .play.heard").nth(count - 1).wait_for()

    def begin(self) -> None:
        """To the first trial: welcome, volume, and what the part is about."""
        self.press("Enter", "1")
        self.hear(1)
        self.press("h", "Enter", "Enter")

    def kind(self) -> str:
        kinds = {".question": "pair", ".rated": "rate"}
        return next((kind for mark, kind in kinds.items() if self.tab.locator(mark).count()), self.reads())

    def answer(self, key: str = "a") -> None:
        if self.kind() == "pair":
            for count in (1, 2):
                self.press("Space")
                self.hear(count)
            self.press(*[key] * self.tab.locator(".question").count())
        elif self.kind() == "rate":
            for row in range(self.tab.locator(".rated li").count()):
                self.press("abcdefgh"[row])
                self.hear(row + 1)
                self.press(str(row % 5 + 1))
        self.press("Enter")

    def finish(self, key: str = "a") -> dict:
        while self.kind() != "Thank you":
            self.answer(key)
        with self.tab.expect_download() as download:
            self.press("Enter")
        return json.loads(Path(download.value.path()).read_text())


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, dict]:
    return built(tmp_path_factory.mktemp("small"), "--reference", SYSTEMS[0], "--anchor",
                 "--consent", "I am of age.\n\nI agree.", "--pair", "More natural?", "--pair", "Better in tune?",
                 "--rate", "How natural?", "--seed", "4", systems=SYSTEMS[:2], stems=("gavotte",))


def test_keys_alone_answer_all_a_reload_resumes_and_the_analysis_reads_it(browser, small, tmp_path, capsys):
    page, key = small
    listener = Listener(browser, page, "?seed=7&participant=W12")
    listener.press("Enter")
    assert "tick the box" in listener.reads("#say") and listener.reads() == "Listening test"
    listener.press("Space")  # the box has the focus
    listener.begin()
    listener.answer("n")
    assert listener.reads("#where") == "2 of 3"
    listener.tab.reload()
    assert listener.reads("#where") == "2 of 3"
    results = listener.finish("n")
    assert not listener.troubles
    assert (results["seed"], results["participant"], results["resumed"], results["consent"]) == (7, "W12", 1, True)
    assert results["output"] == "headphones" and results["page"] == key["page"] == design_of(page)["page"]
    for trial in results["trials"]:
        assert all(plays >= 1 for plays in trial["plays"]) and all(0.25 < heard < 0.5 for heard in trial["heard_s"])
        assert trial["seconds"] > 0
    assert [set(trial["answers"].values()) for trial in results["trials"] if trial["kind"] != "rate"] == [{"same"}] * 2
    assert [sorted(trial["ratings"]) for trial in results["trials"] if trial["kind"] == "rate"] == [[10, 30, 50]]
    (tmp_path / "W12.json").write_text(json.dumps(results))
    key_path = page.with_suffix(".key.json")
    assert main(["analyse", str(tmp_path), "--key", str(key_path), "--out", str(tmp_path / "out")]) == 0
    assert "1 listener counted, 0 left out" in capsys.readouterr().out


def test_nothing_goes_on_before_clips_are_heard_and_questions_answered(browser, small):
    listener = Listener(browser, small[0], "?seed=8")
    listener.press("Space", "Enter", "Enter")
    assert "play one of the clips" in listener.reads("#say")
    listener.press("1")
    listener.hear(1)
    listener.press("Enter")
    assert "what you are listening on" in listener.reads("#say")
    listener.press("l", "Enter", "Enter", "a", "b", "Enter")
    assert "listen to clip A first" in listener.reads("#say")
    listener.press("1")
    listener.hear(1)
    listener.press("Enter")
    assert "listen to clip B first" in listener.reads("#say")
    listener.press("2")
    listener.hear(2)
    listener.press("Enter")
    assert listener.reads("#where") == "2 of 3"
    assert not listener.troubles


def test_arrows_move_answers_questions_and_sliders(browser, small):
    listener = Listener(browser, small[0], "?seed=9")
    listener.press("Space")
    listener.begin()
    listener.press("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowLeft")
    answers = listener.tab.locator(".question input:checked")
    assert answers.evaluate_all("all => all.map(input => input.value)") == ["same", "a"]
    while listener.kind() != "rate":
        listener.answer("b")
    listener.press("ArrowRight", "ArrowDown", "3", "ArrowRight", "ArrowDown", "Shift+ArrowLeft")
    assert listener.tab.locator(".rated output").all_inner_texts() == ["51", "51", "40"]
    assert listener.tab.locator(":focus").get_attribute("aria-label") == "clip C: How natural?"
    assert not listener.troubles


def test_sound_beside_the_page_plays_and_advances(browser, tmp_path):
    page, _ = built(tmp_path, "--folder", "--rate", "How good?", "--scale", "5",
                    stems=("gavotte",), systems=SYSTEMS[:2], seconds=1.5)
    listener = Listener(browser, page, "?seed=1", color_scheme="dark", viewport={"width": 390, "height": 844})
    listener.begin()
    listener.press("a")
    bar, moved = listener.tab.locator(".rated .bar").first, []
    for _ in range(2):
        listener.tab.wait_for_timeout(250)
        moved.append(bar.evaluate("bar => Number(bar.style.transform.slice(7, -1))"))
    assert 0.0 < moved[0] < moved[1] <= 1.0
    listener.press("Space")
    listener.tab.locator(".play.playing").wait_for(state="detached")
    listener.press("Space")  # it goes on where it was
    listener.hear(1)
    listener.press("1", "b")
    listener.hear(2)
    listener.press("4", "ArrowRight")
    assert listener.tab.locator(":focus").get_attribute("value") == "5"
    listener.press("Enter")
    trial = listener.finish()["trials"][0]
    assert (trial["plays"], trial["ratings"]) == ([1, 1], [1, 5]) and 1.3 < trial["heard_s"][0] < 1.7
    assert listener.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sideways on a phone
    assert not listener.troubles


def test_results_are_sent_where_the_page_says_and_again_when_that_failed(browser, tmp_path):
    page, _ = built(tmp_path, "--pair", "Better?", "--max-pairs", "2", "--checks", "0",
                    "--post", "https://collect.invalid/in", seconds=0.15)
    listener, sent = Listener(browser, page, "?seed=3"), []

    def collect(route) -> None:
        sent.append(route.request.post_data)
        route.fulfill(status=500 if len(sent) == 1 else 200, headers={"Access-Control-Allow-Origin": "*"})

    listener.context.route("https://collect.invalid/in", collect)
    listener.begin()
    while listener.kind() != "Thank you":
        listener.answer()
    listener.tab.get_by_text("Sending failed (status 500)").wait_for()
    listener.tab.reload()
    listener.tab.get_by_text("Your answers have arrived").wait_for()
    listener.tab.reload()
    assert "saved before" in listener.reads("#say") and len(sent) == 2 and sent[0] == sent[1]
    assert [trial["kind"] for trial in json.loads(sent[1])["trials"]] == ["pair", "pair"]
    listener.press("Tab", "Tab", "Enter")  # past copying, to start anew
    assert listener.reads() == "Listening test" and not listener.reads("#where")


def test_a_page_for_one_participant_offers_no_other_and_keeps_each_ones_answers(browser, tmp_path):
    page, _ = built(tmp_path, "--pair", "Better?", "--max-pairs", "2", "--checks", "0", seconds=0.15)
    listener = Listener(browser, page, "?participant=A")
    listener.begin()
    listener.answer()
    listener.tab.goto(f"{page.as_uri()}?participant=B")
    assert listener.reads() == "Listening test"
    listener.begin()
    assert listener.reads("#where") == "1 of 2"
    listener.tab.goto(f"{page.as_uri()}?participant=A")
    assert listener.reads("#where") == "2 of 2"
    assert listener.finish()["participant"] == "A"
    listener.tab.get_by_text("Downloaded").wait_for()
    assert listener.tab.get_by_text("Start anew").is_hidden()
    listener.tab.reload()
    assert "saved before" in listener.reads("#say") and listener.tab.get_by_text("Start anew").is_hidden()
    assert not listener.troubles


def test_what_arrives_late_does_not_mark_the_next_listeners_answers_as_saved(browser, tmp_path):
    page, _ = built(tmp_path, "--pair", "Better?", "--max-pairs", "2", "--checks", "0",
                    "--post", "https://collect.invalid/in", seconds=0.15)
    listener, waiting = Listener(browser, page), []
    listener.context.route("https://collect.invalid/in", lambda route: waiting.append(route))
    listener.begin()
    first = listener.finish()["id"]
    listener.press("Tab", "Tab", "Enter")  # past copying, to start anew
    assert listener.reads() == "Listening test"
    with listener.tab.expect_response("https://collect.invalid/in"):
        waiting[0].fulfill(status=200, headers={"Access-Control-Allow-Origin": "*"})
    listener.tab.wait_for_timeout(100)
    kept, = listener.tab.evaluate("Object.values(localStorage).map(JSON.parse)")
    assert kept["id"] != first and kept["saved"] is False and not listener.reads("#say")


# the plan, without the page around it: what a seed makes of a test


def plans(browser, page: Path, seeds: range) -> list[list[dict]]:
    """The trials that every seed gives, as the page's own script draws them."""
    tab = browser.new_page()
    tab.set_content(f'<script type="application/json" id="test">{json.dumps(design_of(page))}</script>')
    made = tab.evaluate(f"seeds => {{ {PLAN.read_text()}; return seeds.map(makePlan); }}", list(seeds))
    tab.close()
    return [[step for step in plan if step["kind"] in ("pair", "check", "rate")] for plan in made]


def test_a_seed_gives_one_order_and_another_seed_another(browser, tmp_path):
    page, _ = built(tmp_path)
    drawn = plans(browser, page, range(20))
    assert plans(browser, page, range(20)) == drawn
    assert len({json.dumps(plan) for plan in drawn}) == 20


def test_sides_and_order_favour_no_system_and_a_check_is_never_first(browser, tmp_path):
    page, key = built(tmp_path, "--checks", "2")
    system = {clip: about["system"] for clip, about in key["clips"].items()}
    drawn = plans(browser, page, range(150))
    for plan in drawn:
        assert [step["kind"] for step in plan].count("check") == 2 and plan[0]["kind"] == "pair"
        for step in plan:
            assert (len(set(step["clips"])) == 1) == (step["kind"] == "check")
    lefts = [system[step["clips"][0]] for plan in drawn for step in plan if step["kind"] == "pair"]
    firsts = [system[next(step for step in plan if step["kind"] == "rate")["clips"][0]] for plan in drawn]
    for name in SYSTEMS:
        assert 0.28 < lefts.count(name) / len(lefts) < 0.38 and 0.25 < firsts.count(name) / len(firsts) < 0.42


def test_few_pairs_are_drawn_evenly(browser, tmp_path):
    page, key = built(tmp_path, "--max-pairs", "4", "--checks", "0", "--pair", "Better?")
    couples = [frozenset(couple) for couple in itertools.combinations(SYSTEMS, 2)]
    for plan in plans(browser, page, range(50)):
        asked = [frozenset(key["clips"][clip]["system"] for clip in step["clips"]) for step in plan]
        assert sorted(asked.count(couple) for couple in couples) == [1, 1, 2]
        assert len({tuple(sorted(step["clips"])) for step in plan}) == 4
