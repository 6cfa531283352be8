"""What of Markdown is understood, and that nothing else ever becomes an element."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_rpc.types import MAX_BODY
from hive_web.markdown import Inline, Node, Tag, as_json, parse
from hive_web.render import tree


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("plain", "<p>plain</p>"),
        ("two\nlines", "<p>two\nlines</p>"),
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("**bold** and *slanted* and _too_", "<p><strong>bold</strong> and <em>slanted</em> and <em>too</em></p>"),
        ("`x = 1`", "<p><code>x = 1</code></p>"),
        ("snake_case_name stays", "<p>snake_case_name stays</p>"),
        ("2 * 3 * 4 stays", "<p>2 * 3 * 4 stays</p>"),
        ("# Title", "<p><strong>Title</strong></p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("1. a\n2) b", "<ol><li>a</li><li>b</li></ol>"),
        ("- a\n  goes on", "<ul><li>a\ngoes on</li></ul>"),
        ("before\n- a", "<p>before</p><ul><li>a</li></ul>"),
        ("> said", "<blockquote>said</blockquote>"),
        ("```python\na < b\n\nc\n```\nafter", '<pre tabindex="0"><code>a &lt; b\n\nc</code></pre><p>after</p>'),
        ("```\nnever closed", '<pre tabindex="0"><code>never closed</code></pre>'),
        ("~~~\n```\n~~~", '<pre tabindex="0"><code>```</code></pre>'),
        ("**the `b` one**", "<p><strong>the <code>b</code> one</strong></p>"),
    ],
)
def test_understands(text: str, markup: str) -> None:
    assert tree(parse(text)) == markup


def test_links_lead_to_the_web_and_tell_it_nothing() -> None:
    there = '<a href="{0}" rel="noopener noreferrer" target="_blank">{1}</a>'
    assert tree(parse("[docs](https://a.example/x)")) == f"<p>{there.format('https://a.example/x', 'docs')}</p>"
    assert (
        tree(parse("see http://a.example/x."))
        == f"<p>see {there.format('http://a.example/x', 'http://a.example/x')}.</p>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "[x](//a.example)",
        "[x](/agent/worker/stop)",
        '[x](https://a.example/"onmouseover="alert(1))',
        "<a href='https://a.example'>x</a>",
    ],
)
def test_nothing_else_is_a_link_of_ours(text: str) -> None:
    assert all(re.fullmatch(r"https?://[^\"'<>]+", href) for href in _hrefs(parse(text)))
    assert "<a href='" not in tree(parse(text))
    assert 'href="javascript' not in tree(parse(text))


def test_markup_in_a_text_is_text() -> None:
    assert tree(parse("<script>alert(1)</script> & `<b>`")) == (
        "<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code></p>"
    )


def test_the_browser_gets_the_same_tree() -> None:
    assert as_json(parse("a `b` https://c.example/d")) == [
        ["p", ["a ", ["code", ["b"]], " ", ["a", ["https://c.example/d"], "https://c.example/d"]]]
    ]


SYNTAX = st.text(alphabet="ab*_`~#->[]() \n1.:/<&\"'", max_size=300) | st.text(max_size=300)


@given(SYNTAX)
def test_any_text_has_a_tree_of_known_elements_that_loses_no_word(text: str) -> None:
    nodes = parse(text)
    assert all(isinstance(node.tag, Tag) for node in _elements(nodes))
    fenced = re.search(r"^\s{0,3}(```|~~~)", text, re.M)  # the language of a block is not shown
    if not fenced:
        wanted = re.findall(r"[ab]+", text)
        shown = re.findall(r"[ab]+", "".join(_texts(nodes)) + " ".join(_hrefs(nodes)))
        assert set(wanted) <= set(shown) or "".join(wanted) == "".join(re.findall(r"[ab]+", "".join(_texts(nodes))))


@given(SYNTAX)
def test_any_text_is_well_formed_markup(text: str) -> None:
    markup = str(tree(parse(text)))
    open_tags: list[str] = []
    for closing, name in re.findall(r"<(/?)([a-z]+)[^<>]*>", markup):
        if closing:
            assert open_tags.pop() == name
        else:
            open_tags.append(name)
    assert not open_tags


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    [
        "# a" + " " * MAX_BODY + "b",
        "# a" + "#" * MAX_BODY + "b",
        "# " + " #" * (MAX_BODY // 2) + "b",
        ">" * MAX_BODY,
        "- a\n" * (MAX_BODY // 4),
        "~" * MAX_BODY + "`",
        "`" * MAX_BODY + " `",
        *(piece * (MAX_BODY // len(piece)) for piece in ("**a ", "*a ", "_a ", "[a", "`a", "http://.", "[a](http://a")),
    ],
    ids=lambda text: text[:8],
)
def test_the_largest_message_is_read_in_a_moment_whatever_it_is_made_of(text: str) -> None:
    """An agent could otherwise take the dashboard away with one message: a pattern that tries again takes minutes."""
    assert parse(text)


def _elements(nodes: tuple[Inline, ...]) -> list[Node]:
    return [element for node in nodes if isinstance(node, Node) for element in (node, *_elements(node.children))]


def _texts(nodes: tuple[Inline, ...]) -> list[str]:
    return [text for node in nodes for text in ([node] if isinstance(node, str) else _texts(node.children))]


def _hrefs(nodes: tuple[Inline, ...]) -> list[str]:
    return [element.href for element in _elements(nodes) if element.href is not None]
