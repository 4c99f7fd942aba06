"""What an answer is made of, apart from HTTP: the simulated waits, the CPU kernel, the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

# How long the database, the interface and the file of /sync-data and /async-data take.
WAITS_S = (0.2, 0.3, 0.1)

# The state of the CPU kernel before the first unit.
SEED = 2_463_534_242
_ROUNDS_PER_UNIT = 500
_MAX_SHOWN = 64


def compute(units: int) -> int:
    """The CPU kernel: rounds of Marsaglia's 32-bit xorshift. Gives the checksum."""
    return checksum(advance(SEED, units))


def advance(state: int, units: int) -> int:
    """The state of the kernel after so many units more."""
    x = state
    for _ in range(units * _ROUNDS_PER_UNIT):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


def checksum(state: int) -> int:
    """The result of a computation that has come to this state."""
    return state


class BadParameter(Exception):
    """A parameter that can't be taken; the text goes to the client with status 400."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path. `parse` gives None for a value that is not allowed."""

    name: str
    default: int | str
    allowed: str
    parse: Callable[[str], int | str | None]


def _number(name: str, default: int, minimum: int, maximum: int) -> Parameter:
    def parse(value: str) -> int | None:
        # The length first: Python refuses to convert very long numbers.
        if len(value) <= 20 and value.isascii() and value.isdigit() and minimum <= int(value) <= maximum:
            return int(value)
        return None

    return Parameter(name, default, f"a whole number from {minimum} to {maximum}", parse)


def mode(*words: str) -> Parameter:
    """The parameter that picks a variant, the default first."""
    return Parameter("mode", words[0], ", ".join(words), lambda value: value if value in words else None)


WAIT_MS = _number("wait_ms", 0, 0, 60_000)
CPU_UNITS = _number("cpu_units", 0, 0, 1_000_000)
BYTES = _number("bytes", 0, 0, 10 * 1024 * 1024)
UNITS = _number("units", 1000, 0, 1_000_000)
BLOCK_MS = _number("ms", 200, 0, 60_000)


def parse_query(raw: str, *allowed: Parameter) -> dict:
    """Reads a query strictly: a parameter that is missing takes its default; one that is unknown, repeated,
    malformed or out of range raises a BadParameter that says what is allowed."""
    given = _given(raw, allowed) if raw else {}
    query = {}
    for parameter in allowed:
        value = given.get(parameter.name)
        query[parameter.name] = parameter.default if value is None else parameter.parse(value)
        if query[parameter.name] is None:
            raise BadParameter(
                f"parameter `{parameter.name}` has value `{_shown(value)}`; allowed: {parameter.allowed}"
            )
    return query


def _given(raw: str, allowed: tuple[Parameter, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    names = [parameter.name for parameter in allowed]
    for pair in filter(None, raw.split("&")):
        name, _, value = (unquote_plus(part) for part in pair.partition("="))
        if name not in names:
            raise BadParameter(
                f"unknown parameter `{_shown(name)}` with value `{_shown(value)}`; "
                f"allowed: {', '.join(names) or 'none'}"
            )
        if name in given:
            raise BadParameter(f"parameter `{name}` is given again with value `{_shown(value)}`; allowed: once")
        given[name] = value
    return given


def _shown(text: str) -> str:
    """What a client sent, short enough to stand in an error message."""
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
