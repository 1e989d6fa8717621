import pytest

from careful_assets.errors import MalformedInput
from careful_assets.generation.prompts import one_line, render
from careful_assets_tests.generation.examples import prompt


def test_exemplars_come_out_as_they_stand():
    """Braces, tags and quotes of an exemplar are text: never rendered, never escaped."""
    hostile = '{{ label }} {% for x in y %} <b>"it\'s" & {# gone #}'
    template = prompt("Write {{ label }}:\n{% for text in exemplars %}- {{ text }}\n{% endfor %}-\n")
    assert render(template, "angry", [hostile]) == f"Write angry:\n- {hostile}\n-"


def test_one_exemplar_is_one_line():
    """Newlines and control characters become a space, so that an exemplar cannot open a line of its own."""
    assert one_line(" a\n\n-  b\u2028c\x00\x1b[0m\u0085d\te ") == "a - b c [0m d e"


@pytest.mark.parametrize(
    "template",
    [
        "{{ unknown }}",
        "{{ ''.__class__.__mro__ }}",
        "{% if %}",
        "{{ exemplars.append('x') }}",
        "{{ 1 / 0 }}",
        "{{ label + 1 }}",
    ],
)
def test_a_faulty_template_is_refused_with_its_file(template):
    """Unknown names, ways out of the sandbox, changed inputs and plain errors all name the file."""
    with pytest.raises(MalformedInput, match=r"angry\.jinja"):
        render(prompt(template), "angry", ["text"])
