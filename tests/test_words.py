"""The words of texts for users: plain textbook English, American spelling, the field's own terms.

Searched are the documents and the lessons, and of code every string, docstring and comment. The
lessons have phrases of their own.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_YET_REWRITTEN = ("06_faster_rcnn",)
"""Notebooks whose prose is not searched yet, only the code in them."""
GLOSSARY = "docs/glossary.md"

DOCUMENTS = (
    "README.md",
    "data/README.md",
    "reports/README.md",
    "CHANGELOG.md",
    "NOTICE",
    "Makefile",
    ".ci/run",
    "environment.yml",
    "pyproject.toml",
)
PACKAGES = ("shopee_od", "benchmarks", "tools")
WHOLE = (".yaml", ".html", ".css", ".md")
"""Suffixes of the files in a package that are searched as they are."""

IZE = (
    "binar|capital|categor|discret|emphas|equal|final|general|harmon|initial|local|maxim|memor|"
    "minim|normal|optim|organ|parameter|parametr|penal|prior|random|raster|real|recogn|regular|"
    "serial|special|stabil|standard|summar|synchron|token|util|vector|visual|quant"
)
"""Stems of verbs that British spelling may end in -ise."""

PHRASES = (
    # The field has a term.
    (r"mend(s|ed|ing)?", "fix"),
    (r"doubles(?!:| (the|its|each|every|from|with|at)\b)", "duplicates"),
    (r"judg(e|es|ed|ing)", "evaluate"),
    (r"learnt", "trained, learned"),
    (r"surest|likeliest|most sure", "highest-scoring"),
    (r"(how|less|more|is|are) sure|sure of", "confident"),
    (r"sure anchors?", "positive anchor"),
    (r"any garment", "class-agnostic"),
    (r"(photos|images) with a hit", "images with at least one garment found"),
    (r"shel(f|ves)", "taxonomy level"),
    (r"the shop's (own )?groups", "taxonomy level"),
    (r"--shop", "--taxonomy-level"),
    (r"(the|this|a) race(?! condition)|(the|this) ladder", "stage comparison"),
    (r"(the|this|a) gate", "data-set check"),
    (r"(?-i:LOOK)", "WARN"),
    (r"(?-i:NEVER)", "no anchor at IoU ≥ 0.5"),
    (r"five figures", "four losses and the RoI accuracy"),
    (r"truths", "ground truth"),
    (r"drawings|drawn data set", "synthetic, rendered images"),
    (r"by lot|drawn at random", "sampled at random"),
    (r"squeezed", "passed through a sigmoid"),
    (r"(its|the|their) street(?! (photo|image))", "margin"),
    (r"middles?", "center"),
    (r"twins?", "equivalent"),
    (r"fooled", "misclassified"),
    (r"(looks?|looked) at each (photo|image)", "epochs"),
    (r"names? (the )?garments", "classifies"),
    (r"(by|as) another('s)? name|called by other names", "misclassified"),
    (r"at hand", "available"),
    (r"reckon(s|ed|ing)?", "estimate, compute"),
    (r"meets? (no|any|a) (garment|anchor|box)|no anchor meets", "matches"),
    (r"unlike (sizes|shapes)", "different sizes"),
    (r"verdicts?", "result, summary"),
    # One row per image, seconds per image.
    (r"s an? (photo|image|window|region|step)", "s/image"),
    (
        r"(an?|one|two|seconds|minutes|passes|boxes|rows?|regions?|SVMs?) an? "
        r"(photo|image|class|box|garment|window|region|row|level|second|minute|step|cell|stage)",
        "per image",
    ),
    (
        r"(an?|one|the) (row|box|SVM|line|file|folder|photo|image|map|score) an? "
        r"(photo|image|class|box|garment|window|region|row|level|step|cell|stage)",
        "one row per image",
    ),
    # Things do not lie or stand (a score may lie on a boundary), networks do not speak.
    (
        r"(file|folder|data|photo|image|weight|copy|row|name|garment|box|boxe|which|that|what|it|"
        r"they|there|where|who|each|every|one|these|those|all)s? (lies?|stands?|lay|stood) "
        r"(in|inside|on|at|there|here|below|above|behind|outside|elsewhere|under|within|for|next|"
        r"by|with|over|where)(?! (the|a|its) (decision |SVM's )?(boundary|margin|line|edge|plane))",
        "is",
    ),
    (r"(lies?|stands?) (there|here|elsewhere|where|below|beside|once|twice)", "is"),
    (r"what (lies|stands)", "what is"),
    (
        r"(network|detector|model|head|RPN|classifier|SVM)s? "
        r"(says?|sees?|saw|looks?|thinks?|believes?|wants?|tells?|keeps quiet)",
        "predicts",
    ),
    (r"wants (its|a|an|no|to|the)", "needs"),
    (r"keeps? quiet", "predicts nothing"),
    (r"restless", "noisy"),
    (r"drown(s|ed)?", "dominate"),
    # Old words.
    (r"lest", "so that … not"),
    (r"anew|afresh", "again"),
    (r"whatever|whoever|whomever", "any, all, regardless of"),
    (r"upon", "on"),
    (r"beside", "next to"),
    (r"shall", "will, must"),
    (r"(goes|going|went|gone) on", "resumes, continues"),
    (r"(is|are|was) lent", "is available"),
    (r"hitherto|thereby|whereby|thereof|therein|wherein|whence|thence|hence", "so, in it"),
    (
        r"albeit|amongst|amidst|naught|nought|whilst|for want of|in lieu of",
        "though, among, without",
    ),
    (r"so many times as", "times"),
    (r"the (more so|less so|nearer it|sooner it)", "two plain sentences"),
    # American spelling.
    (r"\w*colour\w*", "color"),
    (r"\w*centre[sd]?|centring", "center"),
    (r"\w*neighbour\w*", "neighbor"),
    (r"grey(s|ish|scale)?", "gray"),
    (r"\w*(behavi|fav|hon|harb|flav|rum|hum|lab|arm)our\w*", "-or"),
    (r"(un|re|mis)?(label|model|cancel|travel|signal|level|channel)l(ed|ing|er|ers)", "one l"),
    (rf"(re|un|de|dis)?({IZE})(it)?is(e|es|ed|er|ers|ing|ation|ations)", "-ize"),
    (r"(analys|catalys|paralys)(e|ed|ing)", "-yze"),
    (r"metres?|litres?|theatres?|fibres?|calibres?", "-er"),
    (r"licences?|defence|offence|pretence|practise[sd]?", "-se, practice"),
    (r"(un|mis)?spelt|artefacts?|jewellery|pyjamas|moulds?|judgement|programmes?", "American"),
    (r"catalogue[sd]?|dialogue|analogue", "catalog"),
    (r"towards|afterwards|backwards|forwards", "toward, afterward"),
)
"""Regular expressions, a space for any white space; what to write instead."""

THING = (
    r"(network|detector|model|head|RPN|CNN|classifier|SVM|template|backbone|pyramid|layer|anchor|"
    r"proposal|RoI|region|window|loss|NMS|HOG|SPP|selective search|picture|figure|table|curve|"
    r"row)s?"
)
"""What a lesson is about: it neither sees nor speaks."""
PART = (
    r"(anchor|class|box|cell|bin|level|map|image|photo|pixel|window|region|proposal|RoI|side|"
    r"channel|epoch|step|batch|category)"
)
LESSON_PHRASES = (
    # Personification.
    (
        rf"{THING} (itself |themselves )?"
        r"(says?|sees?|saw|knows?|knew|thinks?|feels?|asks?|speaks?|hopes?|believes?)",
        "predicts, has",
    ),
    (rf"{THING} (wants?|waits?)", "needs"),
    (r"says|said", "is, predicts, states"),
    (r"taught|learns? to say|learned to say", "trained, shown, learns to predict"),
    (r"(is|are) asked( of)?", "is evaluated"),
    (r"(speak|speaks|speaking) (for|against)", "increases or decreases the score"),
    (r"(nobody|no one) (has|had|takes|took|waits|would)", "a plain subject and verb"),
    (r"(is|are|was|were) to (say|learn|find|tell)", "should"),
    (
        r"(take|takes|took|taken) [^.;:]{0,25}for (a|an|the) (garment|dress|skirt|shirt|object)",
        "confuses … with",
    ),
    # One word for one thing.
    (
        r"followed (photo|image)|(photo|image) (that is|that we|which we) follow(ed)?",
        "example image",
    ),
    (r"race(?! condition)|races", "stage comparison"),
    (r"surely|sure", "confident"),
    (r"octaves?", "factor of two"),
    (r"(its|the|their) moves|how (a|the|its|each) box should move", "deltas"),
    (r"(is|are|was|were) drawn (from|until|out of)", "sampled"),
    (r"then and now", "before and after"),
    # "per" for "a".
    (
        r"(an?|one|two|three|four|\d+) (number|score|box|delta|vote|arrow|map|shape|line|pass|"
        rf"plane|step|look|bin|size|copy|value|pair|regression|label|RoI) an? {PART}",
        "per",
    ),
    (
        r"(anchors|proposals|RoIs|windows|passes|crops|garments|pixels|numbers|images|photos|steps|"
        rf"times|samples|values|seconds|minutes|one|two|three|four) an? {PART}",
        "per",
    ),
    # Old words and turns.
    (r"(is|are) none|none the less", "is not, has no"),
    (r"(nothing|anything|none) but", "only"),
    (r"one (less|fewer) the", "1 minus"),
    (r"(do|does|did|done|doing) away with", "removes"),
    (r"thrown together", "combined"),
    (r"work(s|ed)? out", "computes"),
    (r"(is|was) wanted|of which more", "is needed; see"),
    (r"as the paper has it|has it that", "as in the paper"),
    (r"(so|thus) (are|is|was|were|do|does|did|can|has|have) (the|its|their|a)", "subject first"),
    (r"(?-i:Nor|Hardly|Scarcely|Seldom|Nowhere)", "subject first"),
    (r"hardly any|next to nothing|as good as (none|nothing)", "very few, almost none"),
    (r"uninvited|somehow|save for|but for|in one go", "plain words"),
    (r"nearer", "closer"),
)
"""As PHRASES, for the prose, comments and strings of the lessons and for the glossary."""


def compile_phrases(phrases: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern, str], ...]:
    """(pattern of whole words, what to write instead)."""
    return tuple(
        (re.compile(r"(?<!\w)(?:" + phrase.replace(" ", r"\s+") + r")(?!\w)", re.I), better)
        for phrase, better in phrases
    )


PATTERNS = compile_phrases(PHRASES)
LESSON_PATTERNS = compile_phrases(LESSON_PHRASES)

ALLOWED = {
    ("CHANGELOG.md", "--shop"): "the old name of an option",
    ("shopee_od/profiles/presets.py", "colour"): "a field that version 0.1.0 wrote",
    ("shopee_od/reports/entry.py", "mend"): "a key that version 0.1.0 wrote",
}
"""(file, the words as found, in lower case) -> why they may be there."""


@dataclass(frozen=True)
class Text:
    """A piece of a file, and the line on which it starts."""

    path: str
    line: int
    content: str
    is_lesson: bool = False


def test_texts_for_users_are_in_plain_words():
    found = find_all()
    messages = [message for key in found if key not in ALLOWED for message in found[key]]
    assert not messages, "\n" + "\n".join(messages)


def test_every_exception_is_needed():
    assert not ALLOWED.keys() - find_all().keys()


@pytest.mark.parametrize(
    "sentence",
    [
        "3 to mend",
        "Where lies here the\n    centre?",
        "a row a photo",
        "one box an image",
        "0.08 s a photo",
        "drawn by\nlot",
        "photos without doubles",
        "LOOK  anchors: 4 of 9",
        "as --shop group",
        "The file lies in data/",
        "stopped, it goes on",
        "the detector says dress",
        "normalised and labelled in a grey colour",
    ],
)
def test_a_listed_phrase_is_found(sentence):
    assert list(search(Text("x", 1, sentence)))


@pytest.mark.parametrize(
    "sentence",
    [
        "A score that lies on the boundary of the margin is 0.",
        "look at the sheet of photos; never; a side doubles with each level",
        "an amendment recommended for duplicates; it reaches 0.7 a box needs",
        "s/image, one row per image, as a photo shows",
        "the mean over the rows of a region; a box and an image",
        "street photos; the race condition",
        "normalized and labeled in a gray color; analyses of a characteristic promise",
    ],
)
def test_plain_words_are_not_found(sentence):
    assert not list(search(Text("x", 1, sentence)))


@pytest.mark.parametrize(
    "sentence",
    [
        "What it says of the first one as a skirt",
        "anchors know nothing",
        "the CNN sees a garment",
        "an arrow a pixel, a number an anchor, four a cell, 128 RoIs a batch",
        "It is asked of 256 anchors",
        "Nor is that all.",
        "At each place one less the probability of background",
        "as in the photo that we follow",
        "nobody takes the wall for a garment",
    ],
)
def test_a_phrase_is_found_in_lessons_alone(sentence):
    assert list(search(Text("x", 1, sentence, is_lesson=True)))
    assert not [pattern for pattern, _ in PATTERNS if pattern.search(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "The network predicts a score per class; one row per image.",
        "A window of 48 × 48 pixels. The proposal with the highest IoU is matched to a box.",
        "As seen in the figure, the table has one row per stage; ask what happens at 0.3.",
        "The number of anchors a network needs depends on the data.",
        "more often than not, the boxes a detector returns overlap",
        "Neither box is kept. Here, is there none of them?",
    ],
)
def test_plain_lessons_pass(sentence):
    assert not list(search(Text("x", 1, sentence, is_lesson=True)))


def test_only_notebooks_that_exist_wait_to_be_rewritten():
    assert set(NOT_YET_REWRITTEN) <= {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_code_is_searched_in_strings_and_comments_alone():
    source = 'doubles = 1  # what\nx = f"mend {doubles}" "ed"\n# drawn by\n# lot\n'
    found = [message for text in read_python("x.py", source) for _, message in search(text)]
    assert [message.split(" →")[0] for message in found] == ["x.py:2: 'mend'", "x.py:3: 'by lot'"]


@cache
def find_all() -> dict[tuple[str, str], list[str]]:
    """(file, words) -> a message for each place, in all texts for users."""
    found: dict[tuple[str, str], list[str]] = {}
    for text in read_texts():
        for words, message in search(text):
            found.setdefault((text.path, words), []).append(message)
    return found


def search(text: Text) -> Iterator[tuple[str, str]]:
    """(words, a line that names them, their place and what to write instead)."""
    for pattern, better in PATTERNS + (LESSON_PATTERNS if text.is_lesson else ()):
        for match in pattern.finditer(text.content):
            words = " ".join(match[0].lower().split())
            line = text.line + text.content.count("\n", 0, match.start())
            yield words, f"{text.path}:{line}: {words!r} → {better}"


def read_texts() -> Iterator[Text]:
    """All texts for users."""
    for name in DOCUMENTS:
        yield Text(name, 1, (ROOT / name).read_text(encoding="utf-8"))
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix == ".py":
                yield from read_python(name, path.read_text(encoding="utf-8"))
            elif path.suffix in WHOLE:
                yield Text(name, 1, path.read_text(encoding="utf-8"))
    yield Text(GLOSSARY, 1, (ROOT / GLOSSARY).read_text(encoding="utf-8"), is_lesson=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        is_lesson = path.stem not in NOT_YET_REWRITTEN
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for number, cell in enumerate(cells):
            name = f"{path.relative_to(ROOT).as_posix()}, cell {number}"
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                for text in read_python(name, source):
                    yield replace(text, is_lesson=is_lesson)
            elif is_lesson:
                yield Text(name, 1, source, is_lesson)


def read_python(path: str, source: str) -> Iterator[Text]:
    """Strings, docstrings and comments; comments on successive lines are one text."""
    nodes = list(ast.walk(ast.parse(source)))
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            values = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            yield Text(path, node.lineno, "".join(map(str, values)))
        elif isinstance(node, ast.Constant) and id(node) not in parts:
            yield Text(path, node.lineno, str(node.value))
    first = 0
    lines: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start[0] != first + len(lines):
            yield Text(path, first, "\n".join(lines))
            lines = []
        if not lines:
            first = token.start[0]
        lines.append(token.string.lstrip("#").strip())
    if lines:
        yield Text(path, first, "\n".join(lines))
