"""docs/errors.md lists messages that the program can print: each of them is made from a text in the source, and every error that a state
causes is among them.

Texts are C++ string literals, those that follow each other joined. `...` in the page stands for what a placeholder is filled with, or for
the rest of a message.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["api", "cli", "core", "execution-controller", "master", "operations", "slicer", "worker"]
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
LEAST_PIECE = 4  # characters; shorter pieces are found anywhere


def literals(source):
    source = re.sub(r"^\s*//.*$|^#include.*$", "", source, flags=re.M)
    source = re.sub(r'(?<!\\)"\s*\n\s*"', "", source)
    for match in LITERAL.finditer(source):
        yield re.sub(r"\\(.)", r"\1", match[1])
    for match in re.finditer(r'R"\((.*?)\)"', source, re.S):
        yield match[1]


def source_texts(root=ROOT):
    return [text for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.suffix in (".cc", ".h")
            for text in literals(path.read_text())]


def page_messages(page):
    """(line, message) of the first column of each table."""
    found = []
    for number, line in enumerate(page.splitlines(), 1):
        row = re.match(r"\| `(.+?)` \| ", line)
        if row:
            found.append((number, row[1]))
    return found


def pieces(message):
    return [piece for piece in message.split("...") if piece]


def is_made_from(message, text):
    """Whether the pieces of the message follow each other in the text, the first one at its beginning or behind a placeholder."""
    wanted = pieces(message)
    if max(map(len, wanted)) < LEAST_PIECE or any(piece not in text for piece in wanted):
        return False
    pattern = ".*?".join(re.escape(piece) for piece in wanted)
    found = re.search(pattern, text, re.S)
    if not found:
        return False
    before, after = text[:found.start()].strip(), text[found.end():].strip()
    begins = message.startswith("...") or before == "" or before.endswith(("}", ":"))
    ends = message.endswith("...") or after == "" or after.startswith(("{", ";", ":", ","))
    return begins and ends


# Errors that a state causes: nothing that was given is wrong, so the message alone cannot say what to do.
OF_STATES = ("conflict", "gone", "no_space", "timeout", "unavailable")
NOT_MET = {
    "route {} {} of {} is taken by {}": "a mistake in a table of the program",
    "ledger {}: exists already": "ids are made anew",
    "ledger {}: epoch {} is not above {}, under which it was opened last": "a controller that was replaced ends with it",
    "the system does not say what process {} is": "becomes an obstacle with the reason",
    "{}; with that out of the way, {}{}": "says what to do",
}


def errors_of_states(source):
    source = re.sub(r"^\s*//.*$", "", source, flags=re.M)
    source = re.sub(r'(?<!\\)"\s*\n\s*"', "", source)
    pattern = r'ErrorCode::(?:' + "|".join(OF_STATES) + r'),\s*(?:fmt::format\(\s*)?"((?:[^"\\\n]|\\.)*)"'
    return [re.sub(r"\\(.)", r"\1", match[1]) for match in re.finditer(pattern, source)]


class Index(unittest.TestCase):
    def test_each_message_is_in_the_source(self):
        texts = source_texts()
        messages = page_messages((ROOT / "docs" / "errors.md").read_text())
        self.assertGreater(len(messages), 50)
        gone = [f"docs/errors.md:{line}: {message}" for line, message in messages
                if not any(is_made_from(message, text) for text in texts)]
        self.assertEqual(gone, [], "no text in the source makes these messages any more")

    def test_each_error_of_a_state_is_listed(self):
        messages = [message for _, message in page_messages((ROOT / "docs" / "errors.md").read_text())]
        made = [(path.relative_to(ROOT), text) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.cc"))
                for text in errors_of_states(path.read_text())]
        self.assertGreater(len(made), 40)
        unlisted = [f"{path}: {text}" for path, text in made
                    if text not in NOT_MET and not any(is_made_from(message, text) for message in messages)]
        self.assertEqual(unlisted, [], "docs/errors.md does not say what to do")
        self.assertEqual([text for text in NOT_MET if text not in {text for _, text in made}], [], "no longer made")

    def test_each_message_is_listed_once(self):
        messages = [message for _, message in page_messages((ROOT / "docs" / "errors.md").read_text())]
        self.assertEqual(sorted(messages), sorted(set(messages)))

    def test_each_row_says_what_to_do(self):
        for number, line in enumerate((ROOT / "docs" / "errors.md").read_text().splitlines(), 1):
            if line.startswith("| `"):
                self.assertGreater(len(line.rpartition(" | ")[2].strip(" |")), 8, f"docs/errors.md:{number}")


class TheTestItself(unittest.TestCase):
    def test_errors_of_states_are_found(self):
        source = 'Error(ErrorCode::gone, fmt::format("{} is "\n  "gone", a)); Error(ErrorCode::invalid, "bad"); {ErrorCode::timeout, "late"}'
        self.assertEqual(errors_of_states(source), ["{} is gone", "late"])

    def test_a_text_that_changed_is_found(self):
        texts = list(literals('f("port {} on {} is "\n  "in use", a); g("say \\"{}\\" twice");'))
        self.assertEqual(texts, ["port {} on {} is in use", 'say "{}" twice'])
        self.assertTrue(is_made_from("port ... on ... is in use", texts[0]))
        self.assertTrue(is_made_from('say "..." twice', texts[1]))
        self.assertFalse(is_made_from("port ... on ... is taken", texts[0]))
        self.assertFalse(is_made_from("port ... on ... is in", texts[0]))


if __name__ == "__main__":
    unittest.main()
