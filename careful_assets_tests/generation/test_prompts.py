import subprocess
import sys
import textwrap

import pytest

from careful_assets.card.templates import PROMPT_CHARACTERS
from careful_assets.errors import MalformedInput
from careful_assets.generation.prompts import one_line, render
from careful_assets_tests.card.templates import HOSTILE, TOO_DEEP
from careful_assets_tests.generation.examples import prompt


def rendered(text, label="angry", exemplars=("text",)):
    return render(prompt(text), {"label": label, "exemplars": list(exemplars)})


def test_exemplars_come_out_as_they_stand():
    """Braces, tags and quotes of an exemplar are text: never rendered, never escaped."""
    hostile = '{{ label }} {% for x in y %} <b>"it\'s" & {# gone #}'
    template = "Write {{ label }}:\n{% for text in exemplars %}- {{ text }}\n{% endfor %}-\n"
    assert rendered(template, exemplars=[hostile]) == f"Write angry:\n- {hostile}\n-"


def test_one_exemplar_is_one_line():
    """Newlines and control characters become a space, so that an exemplar cannot open a line of its own."""
    assert one_line(" a\n\n-  b\u2028c\x00\x1b[0m\u0085d\te ") == "a - b c [0m d e"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ exemplars | join('|') }}", "a b|c"),
        ("{% for e in exemplars[1:] if e != label %}{{ loop.index }}{{ e | upper }}{% endfor %}", "1C"),
        ("{% set kind = label | replace('_', ' ') %}{{ kind | title }} {{ exemplars | length }}", "So Angry 2"),
        ("{{ exemplars[0] if exemplars | length > 1 else label }}{% if not exemplars %}none{% endif %}", "a b"),
        ("{{ exemplars[-1] }}{{ exemplars | first | capitalize }}", "cA b"),
        ("{% raw %}{{ self }}{% endraw %}", "{{ self }}"),
    ],
)
def test_what_a_template_may_do(template, text):
    """Lists, loops, choices, names and text filters: what prompts need is there."""
    assert rendered(template, "so_angry", ["a b", "c"]) == text


@pytest.mark.parametrize(
    "template",
    [*HOSTILE, *TOO_DEEP, "{{ unknown }}", "{% if %}", "{{ label | upper(1) }}", "{{ label | replace('', 'a') }}"],
)
def test_a_faulty_template_is_refused_with_its_file(template):
    """Unknown names, ways out of the sandbox, bombs and plain errors name the file, also without the card's reader."""
    with pytest.raises(MalformedInput, match=r"angry\.jinja"):
        rendered(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for e in exemplars %}{{ exemplars | join(e) }}{% endfor %}",
        "{{ exemplars | join(exemplars | join(label)) }}",
        "{{ exemplars[0] | replace('a', exemplars[0]) }}",
        "{% set x = label | replace('a', label) %}" + "{% set x = x | replace('a', x) %}" * 40 + "{{ x }}",
        "{% for e in exemplars %}{{ e }}{{ e }}{{ e }}{{ e }}{% endfor %}",
    ],
)
def test_no_template_makes_an_endless_prompt(template):
    """What is allowed does not add up to more than PROMPT_CHARACTERS: it is refused before it is made."""
    with pytest.raises(MalformedInput, match=r"angry\.jinja.*200,000"):
        rendered(template, "aaaa", ["a" * 1000] * 64)


def test_the_longest_prompt_is_made():
    """The limit itself is no fault; one character more is."""
    assert len(rendered("{{ exemplars[0] }}", exemplars=["a" * PROMPT_CHARACTERS])) == PROMPT_CHARACTERS
    with pytest.raises(MalformedInput, match="more than 200,000 characters: show fewer"):
        rendered("{{ exemplars[0] }}", exemplars=["a" * (PROMPT_CHARACTERS + 1)])


def test_hostile_templates_are_refused_in_bounded_time_and_memory():
    """All of them together take at most 10 s of one core and 200 MB beside the imports."""
    code = """
        import re, resource
        from pathlib import Path
        from careful_assets.errors import MalformedInput
        from careful_assets_tests.card.templates import HOSTILE
        from careful_assets_tests.generation.test_prompts import rendered

        def memory(key):
            return int(re.search(key + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

        before = memory("VmHWM")
        resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + 3_000_000_000,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(sum(resource.getrusage(0)[:2])) + 10,) * 2)
        for template in HOSTILE:
            try:
                rendered(template, exemplars=["a" * 1000] * 64)
            except MalformedInput:
                continue
            raise SystemExit(f"let through: {template[:60]}")
        assert memory("VmHWM") < before + 200_000_000
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
