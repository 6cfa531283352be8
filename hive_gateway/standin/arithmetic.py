"""Sums in plain text: `what is 6*7?`. A grammar of four operations and brackets; nothing is ever evaluated as code."""

import re
from fractions import Fraction

_MOST_CHARACTERS = 200
"""Of a text that is looked at: the search for a sum in it is not linear."""
_WORDS = (
    (re.compile(r"\b(?:multiplied by|times)\b"), "*"),
    (re.compile(r"\bplus\b"), "+"),
    (re.compile(r"\bminus\b"), "-"),
    (re.compile(r"\bdivided by\b"), "/"),
    (re.compile(r"(?<=[\d)]) ?[x×] ?(?=[\d(])"), "*"),
    (re.compile("÷"), "/"),
)
_SUM = r"(?P<sum>-? ?[\d(][\d .()+\-*/]*)"
_ASKED = re.compile(r"\b(?:what(?:'s| is)|how much is|calculate|compute|evaluate) " + _SUM)
_BARE = re.compile(rf"^{_SUM}=? ?\??$")
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[()+\-*/])")


def answer(text: str) -> str | None:
    """`6*7 = 42` for a text that asks for a sum or is one, otherwise None."""
    text = " ".join(text.lower().split())
    if len(text) > _MOST_CHARACTERS:
        return None
    for pattern, operator in _WORDS:
        text = pattern.sub(operator, text)
    found = _ASKED.search(text) or _BARE.match(text)
    expression = found["sum"].strip(" .") if found else ""
    if not any(operator in expression for operator in "+-*/"):
        return None
    try:
        return f"{expression} = {_written(_Parser(expression).value())}"
    except ZeroDivisionError:
        return f"{expression} has no value: it divides by zero."
    except ValueError:
        return None


def _written(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"


class _Parser:
    """Recursive descent over the tokens of one expression; ValueError when it is not one."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[str] = []
        position = 0
        while position < len(expression):
            found = _TOKEN.match(expression, position)
            if found is None:
                raise ValueError(expression)
            self._tokens.append(found[1])
            position = found.end()

    def value(self) -> Fraction:
        value = self._sum()
        if self._tokens:
            raise ValueError(self._tokens[0])
        return value

    def _next(self, *wanted: str) -> str | None:
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else None

    def _sum(self) -> Fraction:
        value = self._product()
        while operator := self._next("+", "-"):
            right = self._product()
            value = value + right if operator == "+" else value - right
        return value

    def _product(self) -> Fraction:
        value = self._factor()
        while operator := self._next("*", "/"):
            right = self._factor()
            value = value * right if operator == "*" else value / right
        return value

    def _factor(self) -> Fraction:
        if self._next("-"):
            return -self._factor()
        if self._next("("):
            value = self._sum()
            if not self._next(")"):
                raise ValueError("unclosed bracket")
            return value
        if not self._tokens:
            raise ValueError("nothing where a number should be")
        return Fraction(self._tokens.pop(0))
