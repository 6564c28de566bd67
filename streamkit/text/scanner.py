"""The JSON scanner: takes text in any pieces, calls a receiver for each token. Strict RFC 8259.

Rules it keeps:

- It reads nothing twice. Between two pieces it keeps a state and at most a few characters.
- It calls the receiver as soon as a token is certain: a string from its opening quote on, anything else when it
  is complete.
- It reads a container that is complete inside one piece with the standard library's C scanner. Whatever that
  scanner treats differently (duplicate keys, NaN, lone surrogates, depth) is left to the loop below, so that one
  implementation decides.
- Text that jiter and RFC 8259 do not both accept is an error that says what was found, and where.

The loop in `Scanner.feed` is one long function on purpose: it runs for every few characters of every stream, and a
call for each token would double its cost. That is also why this file is longer than the others.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError

from streamkit.changes.json_values import Json
from streamkit.errors import JsonSyntaxError, LimitExceeded
from streamkit.text.json_text import depth_of, read_container
from streamkit.text.limits import Limits
from streamkit.text.receiver import BUFFER_ONLY, Observer, Receiver

__all__ = ["Scanner"]


# States: what the scanner expects next, in the order in which the loop tests them. The first item (or name) of a
# container follows the state for any other item (or name), so that one comparison covers both.
_TEXT, _AFTER, _IN_NAME, _VALUE, _FIRST_ITEM, _NAME, _FIRST_NAME, _COLON, _NUMBER, _DONE = range(10)

_PLAIN = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*').match
_SPACE = re.compile(r"[ \t\n\r]*").match
_NEXT_NAME = re.compile(r'[ \t\n\r]*,[ \t\n\r]*"([^"\\\x00-\x1f\ud800-\udfff]*)"[ \t\n\r]*:[ \t\n\r]*').match
_NUMBER_LIKE = re.compile(r"[-+.0-9eE]*").match
_NUMBER_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?").fullmatch
_NUMBER_BEGUN = re.compile(r"-|-?(?:0|[1-9][0-9]*)(?:\.|(?:\.[0-9]+)?[eE][-+]?)").fullmatch
_DIGITS = "0123456789"
_ESCAPE = re.compile(
    r'\\(?:(["\\/bfnrt])|u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|(?![dD][89a-fA-F])([0-9a-fA-F]{4})))'
).match
# Matches a beginning of what _ESCAPE matches: more text may complete it.
_ESCAPE_BEGUN = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?)?"
).fullmatch
_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]").search
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"t": "true", "f": "false", "n": "null"}

_IGNORE_REST = (
    "to ignore what follows, pass ignore_rest=True to accumulate() or extract(); "
    "for JSON Lines, make a stream of each line"
)
_NOT_JSON = (
    "the text is not JSON from its beginning: ask for JSON alone, or take off a fence around it by fenced() | "
    "accumulate(ignore_rest=True)"
)
_BYTE_ORDER_MARK = "the text begins with a byte order mark: decode it as 'utf-8-sig', or remove its first character"
_MAX_DIGITS = 4300
"""Most digits of a number before its fraction: jiter refuses more, and so does Python's `int`."""
_WHOLE_DEPTH = 32
"""How deep a container that is read at once may nest: emitting it takes two calls a level."""
_WORTH_A_TRY = 16
"""With fewer characters left in a piece, a container will hardly end inside it."""


class Scanner:
    """Scans one text.

    Args:
        receiver: called for each token.
        limits: what the text must not exceed.
        whole: read containers that are complete inside a piece at once; off where numbers must keep their text.

    Attributes:
        done: the root has closed; only white space may follow.
    """

    __slots__ = (
        "_buffer", "_buffered", "_buffered_depth", "_buffered_from", "_buffered_start", "_closers", "_failure",
        "_ignore_rest", "_kept", "_kept_from", "_limit", "_line", "_line_start", "_mark", "_marks", "_max_depth",
        "_receiver", "_room", "_state", "_tail", "_take_plain", "_takers", "_target", "_try_whole",
    )  # fmt: skip

    def __init__(self, receiver: Receiver, limits: Limits, *, whole: bool = True) -> None:
        self._receiver = receiver
        self._target: Receiver | Observer = receiver  # an observer while raw text is buffered
        self._limit, self._max_depth = limits.max_size, limits.max_depth
        self._room = limits.max_size  # characters that may still follow
        self._try_whole, self._ignore_rest = whole, limits.ignore_rest
        self._state = _VALUE
        self._closers: list[str] = []  # of the open containers, innermost last
        self._tail: str = ""  # an unfinished escape or literal at the end of the last piece
        self._buffer: list[str] = []  # an unfinished name or number
        # By state, what takes a piece without quotes and escapes: it continues a string or a name.
        takers = {_TEXT: receiver.text_more, _IN_NAME: self._buffer.append}
        self._takers = tuple(takers.get(state) for state in range(_DONE + 1))
        self._take_plain = self._takers[self._state]
        self._buffered: list[str] = []  # raw text being buffered
        self._buffered_depth = -1
        self._buffered_start = 0  # where it begins in the text
        self._buffered_from = 0  # where it continues in the current piece
        self._kept: list[str] = []  # text since the outermost container that may have to be read again
        self._kept_from = 0
        self._marks: list[tuple[int, int]] = []  # the depth of each such container, and where it begins
        self._mark = -1  # the depth of the innermost container whose text is buffered or kept
        self._failure: JsonSyntaxError | None = None  # found in a string; raised after its valid part was emitted
        self._line, self._line_start = 1, 0

    @property
    def done(self) -> bool:
        return self._state == _DONE

    @property
    def _base(self) -> int:
        """Characters before the current piece."""
        return self._limit - self._room

    @property
    def started(self) -> bool:
        """Something other than white space was read."""
        return self._state != _VALUE or bool(self._closers or self._tail)

    def feed(self, piece: str) -> None:
        """Read one more piece.

        Raises:
            JsonSyntaxError: the text is not JSON; the receiver got everything before the error.
            LimitExceeded: the text is too long or too deep.
        """
        n = len(piece)
        if n > self._room:
            self.feed(piece[: self._room])
            raise self._beyond(f"the text is longer than max_size={self._limit} characters", 0)
        # True for most pieces: no escapes, so a quote always begins or ends a string.
        plain = piece.isprintable() and "\\" not in piece
        take = self._take_plain
        if take is not None and plain and '"' not in piece:
            if n:
                self._room -= n
                take(piece)
                if self._marks:
                    self._kept.append(piece)
            return
        if self._tail:
            piece = self._tail + piece
            self._room += len(self._tail)
            self._tail, plain = "", False
            n = len(piece)
        i = 0
        state, target, closers = self._state, self._target, self._closers
        waste = 4 * n  # characters that the C scanner may read without success
        while i < n:
            if state == _TEXT:
                j = piece.find('"', i) if plain else _PLAIN(piece, i).end()  # type: ignore[union-attr]  # matches always, if only nothing
                if j == n or j < 0:
                    target.text_more(piece[i:] if i else piece)
                    i = n
                elif piece[j] == '"':
                    text = piece[i:j]
                    i = j + 1
                    state = _AFTER if closers else _DONE
                    if target.text_end(text):
                        target = self._enter(piece, i)
                else:
                    text, i, closed = self._text(piece, i)
                    if closed:
                        state = _AFTER if closers else _DONE
                        if target.text_end(text):
                            target = self._enter(piece, i)
                    else:
                        if text:
                            target.text_more(text)
                        if i < n:
                            self._stop_if_failed()
                            break
            elif state == _AFTER:
                closer = closers[-1]
                c = piece[i]
                if c == ",":
                    if closer == "}":
                        found = _NEXT_NAME(piece, i) if n - i > 5 else None
                        if found is not None:
                            self._lines(piece, i, found.end())
                            i = found.end()
                            state = _VALUE
                            if target.key(found[1]):
                                target = self._buffer_again(piece, i)
                        else:
                            i += 1
                            state = _NAME
                    else:
                        i += 1
                        state = _VALUE
                elif c == closer:
                    closers.pop()
                    i += 1
                    state = _AFTER if closers else _DONE
                    if len(closers) == self._mark:
                        target = self._close_marked(piece, i)
                    elif target.close():
                        target = self._enter(piece, i)
                elif c == " " and not piece.startswith(" ", i + 1):
                    i += 1
                elif c in " \t\n\r":
                    i = self._space(piece, i)
                else:
                    raise self._error(f"expected ',' or {closer!r}, got {c!r}", i, inside=False)
            elif state == _IN_NAME:
                j = piece.find('"', i) if plain else _PLAIN(piece, i).end()  # type: ignore[union-attr]  # matches always
                if j == n or j < 0:
                    self._buffer.append(piece[i:])
                    i = n
                    continue
                if piece[j] == '"':
                    text, i, closed = piece[i:j], j + 1, True
                else:
                    text, i, closed = self._text(piece, i)
                if closed:
                    if self._buffer:
                        text = "".join((*self._buffer, text))
                        self._buffer.clear()
                    state = _COLON
                    if target.key(text):
                        target = self._buffer_again(piece, i)
                else:
                    self._buffer.append(text)
                    if i < n:
                        self._stop_if_failed()
                        break
            elif state <= _FIRST_ITEM:
                c = piece[i]
                if c == '"':
                    j = piece.find('"', i + 1) if plain else _PLAIN(piece, i + 1).end()  # type: ignore[union-attr]  # matches always
                    if j == n or j < 0:
                        target.text_start(piece[i + 1 :])
                        i = n
                        state = _TEXT
                    elif piece[j] == '"':
                        text = piece[i + 1 : j]
                        i = j + 1
                        state = _AFTER if closers else _DONE
                        if target.text(text):
                            target = self._enter(piece, i)
                    else:
                        text, i, closed = self._text(piece, i + 1)
                        if closed:
                            state = _AFTER if closers else _DONE
                            if target.text(text):
                                target = self._enter(piece, i)
                        else:
                            target.text_start(text)
                            state = _TEXT
                            if i < n:
                                self._stop_if_failed()
                                break
                elif c == " " and not piece.startswith(" ", i + 1):
                    i += 1
                elif c == "{" or c == "[":
                    if n - i >= _WORTH_A_TRY and waste > 0 and self._try_whole:
                        value, end = self._whole(piece, i)
                        if end:
                            self._lines(piece, i, end)
                            start, i = i, end
                            state = _AFTER if closers else _DONE
                            if target.whole(value, piece, start, end):
                                target = self._enter(piece, i)
                            continue
                        waste -= n - i
                    if len(closers) >= self._max_depth:
                        raise self._beyond(f"containers nested deeper than max_depth={self._max_depth}", i)
                    if c == "{":
                        watcher, state = target.open_object(), _FIRST_NAME
                    else:
                        watcher, state = target.open_array(), _FIRST_ITEM
                    if watcher is not None:
                        self._buffered_depth = self._mark = len(closers)
                        self._buffered_from, self._buffered_start = i, self._base + i
                        self._target = target = watcher
                    closers.append("}" if c == "{" else "]")
                    i += 1
                elif c in "-0123456789":
                    j = _NUMBER_LIKE(piece, i).end()  # type: ignore[union-attr]  # matches always
                    if j < n:
                        start, i = i, j
                        state = _AFTER if closers else _DONE
                        if self._number(piece[start:j], start):
                            target = self._enter(piece, i)
                    else:
                        self._buffer.append(piece[i:])
                        i = n
                        state = _NUMBER
                elif c in _LITERALS:
                    word = _LITERALS[c]
                    if piece.startswith(word, i):
                        i += len(word)
                        state = _AFTER if closers else _DONE
                        if target.scalar(word):
                            target = self._enter(piece, i)
                    elif word.startswith(piece[i:]):
                        break
                    else:
                        wrong = next(j for j, c in enumerate(word, i) if piece[j] != c)
                        raise self._no_value(f"expected {word}, got {piece[i : wrong + 1]!r}", i)
                elif c in " \t\n\r":
                    i = self._space(piece, i)
                elif c == "]" and state == _FIRST_ITEM:
                    state = _AFTER
                else:
                    raise self._no_value(f"expected a value, got {c!r}", i)
            elif state <= _FIRST_NAME:
                c = piece[i]
                if c == '"':
                    i += 1
                    state = _IN_NAME
                elif c == " " and not piece.startswith(" ", i + 1):
                    i += 1
                elif c in " \t\n\r":
                    i = self._space(piece, i)
                elif c == "}" and state == _FIRST_NAME:
                    state = _AFTER
                else:
                    raise self._error(f"expected a name in double quotes, got {c!r}", i, inside=False)
            elif state == _COLON:
                c = piece[i]
                if c == ":":
                    i += 1
                    state = _VALUE
                elif c == " " and not piece.startswith(" ", i + 1):
                    i += 1
                elif c in " \t\n\r":
                    i = self._space(piece, i)
                else:
                    raise self._error(f"expected ':', got {c!r}", i, inside=False)
            elif state == _NUMBER:
                j = _NUMBER_LIKE(piece, i).end()  # type: ignore[union-attr]  # matches always
                self._buffer.append(piece[i:j])
                i = j
                if j < n:
                    state = _AFTER if closers else _DONE
                    if self._end_number(j):
                        target = self._enter(piece, i)
            elif self._ignore_rest:
                i = n
            elif piece[i] in " \t\n\r":
                i = self._space(piece, i)
            else:
                reason = f"expected the end of the text after the root, got {piece[i]!r}"
                raise self._error(reason, i, inside=False, advice=_IGNORE_REST)
        self._state = state
        self._room -= n
        self._take_plain = self._takers[state]
        if i < n:
            self._tail, self._take_plain = piece[i:], None
        if self._mark >= 0:
            self._collect(piece, i)

    def end(self, *, cut: bool = False) -> None:
        """Take the end of the text: it closes a number at the root, unless more digits are needed.

        Args:
            cut: the text was cut by a token limit: more digits may be missing, so the number stays open.

        Raises:
            JsonSyntaxError: the text ends with what no further text could make a number (`012`, `1.2.3`).
        """
        if self._state != _NUMBER:
            return
        text = "".join(self._buffer)
        if _NUMBER_BEGUN(text) is not None:
            return
        if _NUMBER_WHOLE(text) is None:
            raise self._error(f"not a number: {text!r:.60}", -len(text))
        if not self._closers and not cut:
            self._end_number(0)
            self._state = _DONE

    @property
    def in_string(self) -> bool:
        """The text so far ends inside a string or a name."""
        return self._state == _TEXT or self._state == _IN_NAME

    @property
    def ignores_rest(self) -> bool:
        """The root has closed, and the text after it is ignored."""
        return self._state == _DONE and self._ignore_rest

    def error_here(self, reason: str) -> JsonSyntaxError:
        """Make an error located at the end of what was read."""
        return self._error(reason, 0, inside=not self.done)

    def _whole(self, piece: str, i: int) -> tuple[Json, int]:
        """Read the container at `i` and return it with its end; the end is 0 if the loop has to read it."""
        try:
            value, end = read_container(piece, i)
        except (JSONDecodeError, StopIteration, ValueError, RecursionError):
            return None, 0
        suspicious = not piece.isascii() or piece.find("\\u", i, end) >= 0
        if suspicious and _SURROGATE(piece, i, end) is not None:
            return None, 0
        if end - i > _MAX_DIGITS and _has_long_number(piece, i, end):
            return None, 0
        room = min(_WHOLE_DEPTH, self._max_depth - len(self._closers))
        most = piece.count("{", i, end) + piece.count("[", i, end)
        if most > room and depth_of(value, most) > room:
            return None, 0
        return value, end

    def _text(self, piece: str, i: int) -> tuple[str, int, bool]:
        """Decode a string from `i` on; return the text, where it stopped, and whether at the closing quote."""
        parts: list[str] = []
        while True:
            j = _PLAIN(piece, i).end()  # type: ignore[union-attr]  # matches always
            if j > i:
                parts.append(piece[i:j])
            if j == len(piece):
                return "".join(parts), j, False
            if piece[j] == '"':
                return "".join(parts), j + 1, True
            escape = _ESCAPE(piece, j)
            if escape is None:
                if _ESCAPE_BEGUN(piece, j) is None:
                    self._failure = self._bad_text(piece, j)
                return "".join(parts), j, False
            short, high, low, code = escape.groups()
            if short:
                parts.append(_SHORT[short])
            elif code:
                parts.append(chr(int(code, 16)))
            else:
                parts.append(chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)))
            i = escape.end()

    def _stop_if_failed(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _bad_text(self, piece: str, at: int) -> JsonSyntaxError:
        c = piece[at]
        if c == "\\":
            # Quoted up to the first wrong character, so that the message does not depend on the pieces.
            end = next(stop for stop in range(at + 1, len(piece) + 1) if _ESCAPE_BEGUN(piece, at, stop) is None)
            if _SURROGATE(piece, at, at + 4) is not None:
                return self._error(f"lone surrogate {piece[at:end]!r} in a string; jiter refuses it", at)
            return self._error(f"no such escape {piece[at:end]!r} in a string", at)
        if c < " ":
            return self._error(f"control character {c!r} in a string; write it as \\u{ord(c):04x}", at)
        return self._error(f"lone surrogate {c!r} in a string; it cannot be UTF-8", at)

    def _number(self, text: str, at: int) -> object:
        if _NUMBER_WHOLE(text) is None:
            raise self._error(f"not a number: {text!r:.60}", at)
        if len(text) > _MAX_DIGITS:
            digits = text.lstrip("-")
            if len(digits) - len(digits.lstrip(_DIGITS)) > _MAX_DIGITS:
                raise self._beyond(f"a number of more than {_MAX_DIGITS} digits before its fraction", at)
        return self._target.scalar(text)

    def _end_number(self, at: int) -> object:
        text = "".join(self._buffer)
        self._buffer.clear()
        return self._number(text, at - len(text))

    # -- raw text ------------------------------------------------------------------------------------

    def _collect(self, piece: str, i: int) -> None:
        """Keep the rest of a piece for containers whose text is buffered or kept."""
        if self._buffered_depth >= 0:
            self._buffered.append(piece[self._buffered_from : i])
            self._take_plain = None
        if self._marks:
            self._kept.append(piece[self._kept_from : i])
        self._buffered_from = self._kept_from = 0

    def _taken(self, piece: str, i: int) -> str:
        """End the buffering, and return the text of the container up to `i`."""
        text = "".join((*self._buffered, piece[self._buffered_from : i]))
        self._buffered.clear()
        self._buffered_depth = -1
        self._target = self._receiver
        self._mark = self._marks[-1][0] if self._marks else -1
        return text

    def _enter(self, piece: str, i: int) -> Receiver:
        """End the buffering because the observer has seen enough: pass its text on, and go on with the receiver."""
        depth = self._buffered_depth
        text = self._taken(piece, i)
        if self._receiver.enter(text):
            if not self._marks:
                self._kept, self._kept_from = [text], i
            self._marks.append((depth, self._buffered_start))
            self._mark = depth
        return self._receiver

    def _kept_text(self, piece: str, i: int) -> str:
        """The text of the innermost kept container up to `i`."""
        text = "".join((*self._kept, piece[self._kept_from : i]))
        return text[self._marks[-1][1] - self._marks[0][1] :]

    def _buffer_again(self, piece: str, i: int) -> Observer:
        """Buffer the rest of the innermost kept container, too: it will be read again."""
        self._buffered = [self._kept_text(piece, i)]
        self._buffered_depth, self._buffered_start = self._marks[-1]
        self._buffered_from = i
        self._target = BUFFER_ONLY
        return BUFFER_ONLY

    def _close_marked(self, piece: str, i: int) -> Receiver:
        """Close a container whose text was buffered or kept."""
        receiver = self._receiver
        was_kept = bool(self._marks) and self._marks[-1][0] == self._mark
        text = ""
        if self._buffered_depth >= 0:
            text = self._taken(piece, i)
        elif receiver.close():
            text = self._kept_text(piece, i)
        if was_kept:
            self._marks.pop()
            self._mark = self._marks[-1][0] if self._marks else -1
            if not self._marks:
                self._kept.clear()
        if text:
            receiver.raw(text)
        return receiver

    def _space(self, piece: str, i: int) -> int:
        j = _SPACE(piece, i).end()  # type: ignore[union-attr]  # matches always
        self._lines(piece, i, j)
        return j

    def _lines(self, piece: str, i: int, j: int) -> None:
        last = piece.rfind("\n", i, j)
        if last >= 0:
            self._line += piece.count("\n", i, j)
            self._line_start = self._base + last + 1

    def _error(self, reason: str, at: int, *, inside: bool = True, advice: str = "") -> JsonSyntaxError:
        return self._located(JsonSyntaxError, reason, at, inside=inside, advice=advice)

    def _no_value(self, reason: str, at: int) -> JsonSyntaxError:
        # By far the most common cause is prose or a Markdown fence around the answer.
        advice = _BYTE_ORDER_MARK if "\\ufeff" in reason else _NOT_JSON
        return self._error(reason, at, advice="" if self._closers else advice)

    def _beyond(self, reason: str, at: int) -> JsonSyntaxError:
        return self._located(LimitExceeded, reason, at, inside=True)

    def _located(
        self, kind: type[JsonSyntaxError], reason: str, at: int, *, inside: bool, advice: str = ""
    ) -> JsonSyntaxError:
        offset = self._base + at
        column = offset - self._line_start + 1
        path = self._receiver.where(inside=inside)
        return kind(reason, path=path, offset=offset, line=self._line, column=column, advice=advice)


def _has_long_number(piece: str, start: int, end: int) -> bool:
    """Whether there may be a run of more than `_MAX_DIGITS` digits: it covers one of these positions."""
    for at in range(start + _MAX_DIGITS, end, _MAX_DIGITS + 1):
        if piece[at].isdigit():
            before, after = piece[max(start, at - _MAX_DIGITS) : at], piece[at : min(end, at + _MAX_DIGITS + 1)]
            run = len(before) - len(before.rstrip(_DIGITS)) + len(after) - len(after.lstrip(_DIGITS))
            if run > _MAX_DIGITS:
                return True
    return False
