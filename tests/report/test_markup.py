"""No text becomes HTML by accident."""
from core_scripts.report.markup import Markup, join, table, tag


def test_text_and_attributes_are_escaped_and_markup_is_not_escaped_twice():
    inner = tag("b", "<script>&\"'")
    assert inner == "<b>&lt;script&gt;&amp;&quot;&#x27;</b>"
    assert tag("p", inner, " & ") == f"<p>{inner} &amp; </p>"
    assert tag("img", alt='a"><script>', src="x") == '<img alt="a&quot;&gt;&lt;script&gt;" src="x">'


def test_attributes_have_the_names_of_html_and_what_is_none_is_left_out():
    assert tag("audio", controls=True, hidden=False, class_="a", aria_label="b", id=None) == \
        '<audio controls class="a" aria-label="b"></audio>'
    assert tag("td", 0) == "<td>0</td>" and tag("td", None) == "<td></td>"


def test_a_table_names_rows_and_columns_for_those_who_hear_it():
    made = table("figures", ("name", "value"), [("<x>", 1)])
    assert '<th scope="col">name</th>' in made and '<th scope="row">&lt;x&gt;</th><td>1</td>' in made
    assert "<caption>figures</caption>" in made and isinstance(join([made]), Markup)
