"""The JSON machine: text in, in any pieces; what became certain out, to a receiver. RFC 8259, strictly.

Rules it keeps:

- Nothing is read twice: what a piece leaves undecided is a state and at most a few characters.
- The receiver is told at once: a string from its opening quote on, everything else when it is whole.
- A container that lies whole inside one piece is read by the standard library's C scanner. Whatever
  that scanner sees differently (duplicate keys, NaN, lone surrogates, depth) is left to the loop below,
  so there is one authority.
- What jiter and RFC 8259 do not both accept is an error that says what was met and where.

The loop in `Scanner.feed` is one long function on purpose: it runs for every few characters of every
stream, and a call for each token would double its cost.
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


# States: what the scanner expects next. In the order in which the loop asks for them; the first item or name of a
# container comes right behind any other, so that one comparison tells both.
_TEXT, _AFTER, _IN_NAME, _VALUE, _FIRST_ITEM, _NAME, _FIRST_NAME, _COLON, _NUMBER, _DONE = range(10)

_PLAIN = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*').match
_SPACE = re.compile(r"[ \t\n\r]*").match
_NEXT_NAME = re.compile(r'[ \t\n\r]*,[ \t\n\r]*"([^"\\\x00-\x1f\ud800-\udfff]*)"[ \t\n\r]*:[ \t\n\r]*').match
_NUMBER_LIKE = re.compile(r"[-+.0-9eE]*").match
_NUMBER_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?").fullmatch
_NUMBER_BEGUN = re.compile(r"-|-?(?:0|[1-9][0-9]*)(?:\.|(?:\.[0-9]+)?[eE][-+]?)").fullmatch
_INTEGER = re.compile(r"-?[0-9]+").fullmatch
_ESCAPE = re.compile(
    r'\\(?:(["\\/bfnrt])|u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|(?![dD][89a-fA-F])([0-9a-fA-F]{4})))'
).match
# A prefix of what _ESCAPE matches: more text may complete it.
_ESCAPE_BEGUN = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?)?"
).fullmatch
_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]").search
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"t": "true", "f": "false", "n": "null"}

_IGNORE_REST = (
    "to pass over what follows, give accumulate() or extract() ignore_rest=True; of JSON Lines, each line is a stream"
)
_TAKE_OFF = (
    "the text is not JSON from its beginning: ask for JSON alone, or take off a fence around it by fenced() | "
    "accumulate(ignore_rest=True)"
)
_MAX_DIGITS = 4300
"""Digits of an integer, as in jiter and in Python's own `int`."""
_WHOLE_DEPTH = 32
"""How deep a container read at once may nest: telling of it takes two calls a level."""
_WORTH_A_TRY = 16
"""Characters left in a piece below which a container will hardly end inside it."""


class Scanner:
    """One text being read.

    Attributes:
        done: the root has closed; only white space may follow.
    """

    __slots__ = (
        "_buffer", "_closers", "_failure", "_held", "_held_depth", "_held_from", "_held_start",
        "_ignore_rest", "_kept", "_kept_from", "_limit", "_line", "_line_start", "_mark", "_marks", "_max_depth",
        "_receiver", "_room", "_state", "_tail", "_take_plain", "_takers", "_target", "_try_whole",
    )  # fmt: skip

    def __init__(self, receiver: Receiver, limits: Limits, *, whole: bool = True) -> None:
        self._receiver = receiver
        self._target: Receiver | Observer = receiver  # a watcher while raw text is collected
        self._limit, self._max_depth = limits.max_size, limits.max_depth
        self._room = limits.max_size  # characters that may still come
        self._try_whole, self._ignore_rest = whole, limits.ignore_rest
        self._state = _VALUE
        self._closers: list[str] = []  # of the open containers, innermost last
        self._tail: str = ""  # an escape or a literal begun at the end of the last piece
        self._buffer: list[str] = []  # a name or a number in pieces
        # What takes a piece that is all plain text, by state: a string or a name goes on, with nothing left over.
        takers = {_TEXT: receiver.text_more, _IN_NAME: self._buffer.append}
        self._takers = tuple(takers.get(state) for state in range(_DONE + 1))
        self._take_plain = self._takers[self._state]
        self._held: list[str] = []  # raw text being collected
        self._held_depth = -1
        self._held_start = 0  # where it begins in the text
        self._held_from = 0  # where it goes on in the current piece
        self._kept: list[str] = []  # text since the outermost container that may be wanted again
        self._kept_from = 0
        self._marks: list[tuple[int, int]] = []  # the depth of each such container, and where it begins
        self._mark = -1  # the depth of the innermost container that is held or kept
        self._failure: JsonSyntaxError | None = None  # met in a string whose good part is to be told first
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
        """Something other than white space has come."""
        return self._state != _VALUE or bool(self._closers or self._tail)

    def feed(self, piece: str) -> None:
        """Read one more piece.

        Raises:
            JsonSyntaxError: the text is not JSON; the receiver has been told all that came before.
            LimitExceeded: it is too long or too deep.
        """
        n = len(piece)
        if n > self._room:
            self.feed(piece[: self._room])
            raise self._beyond(f"the text is longer than max_size={self._limit} characters", 0)
        # Of by far the most pieces: every character stands for itself, and a quote ends a string or begins one.
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
        waste = 4 * n  # characters the C scanner may read in vain
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
                                target = self._hold_again(piece, i)
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
                        target = self._hold_again(piece, i)
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
                        self._held_depth = self._mark = len(closers)
                        self._held_from, self._held_start = i, self._base + i
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
                        met = next(j for j, c in enumerate(word, i) if piece[j] != c)
                        raise self._no_value(f"expected {word}, got {piece[i : met + 1]!r}", i)
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

    def end(self) -> None:
        """Take the end of the text: a number at the root closes with it, unless it is a beginning of one."""
        if self._state == _NUMBER and not self._closers and _NUMBER_BEGUN("".join(self._buffer)) is None:
            self._end_number(0)
            self._state = _DONE

    def error_here(self, reason: str) -> JsonSyntaxError:
        """An error at the end of what was read."""
        return self._error(reason, 0, inside=not self.done)

    def _whole(self, piece: str, i: int) -> tuple[Json, int]:
        """Read the container at `i` if it ends inside the piece and is beyond doubt; else end 0."""
        try:
            value, end = read_container(piece, i)
        except (JSONDecodeError, StopIteration, ValueError, RecursionError):
            return None, 0
        suspicious = not piece.isascii() or piece.find("\\u", i, end) >= 0
        if suspicious and _SURROGATE(piece, i, end) is not None:
            return None, 0
        room = min(_WHOLE_DEPTH, self._max_depth - len(self._closers))
        most = piece.count("{", i, end) + piece.count("[", i, end)
        if most > room and depth_of(value, most) > room:
            return None, 0
        return value, end

    def _text(self, piece: str, i: int) -> tuple[str, int, bool]:
        """Decode a string from `i` on: the text, where it stopped, and whether at the closing quote."""
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
            # Quoted up to the character that decides it, so that the words do not depend on the pieces.
            met = next(end for end in range(at + 1, len(piece) + 1) if _ESCAPE_BEGUN(piece, at, end) is None)
            if _SURROGATE(piece, at, at + 4) is not None:
                return self._error(f"lone surrogate {piece[at:met]!r} in a string; jiter refuses it", at)
            return self._error(f"no such escape {piece[at:met]!r} in a string", at)
        if c < " ":
            return self._error(f"control character {c!r} in a string; write it as \\u{ord(c):04x}", at)
        return self._error(f"lone surrogate {c!r} in a string; it cannot be UTF-8", at)

    def _number(self, text: str, at: int) -> object:
        if _NUMBER_WHOLE(text) is None:
            raise self._error(f"not a number: {text!r:.60}", at)
        if len(text) > _MAX_DIGITS and _INTEGER(text) is not None and len(text.lstrip("-")) > _MAX_DIGITS:
            raise self._beyond(f"an integer of more than {_MAX_DIGITS} digits", at)
        return self._target.scalar(text)

    def _end_number(self, at: int) -> object:
        text = "".join(self._buffer)
        self._buffer.clear()
        return self._number(text, at - len(text))

    # -- raw text ------------------------------------------------------------------------------------

    def _collect(self, piece: str, i: int) -> None:
        """Take what belongs to held and kept containers from the end of a piece."""
        if self._held_depth >= 0:
            self._held.append(piece[self._held_from : i])
            self._take_plain = None
        if self._marks:
            self._kept.append(piece[self._kept_from : i])
        self._held_from = self._kept_from = 0

    def _taken(self, piece: str, i: int) -> str:
        """The text of the held container up to `i`; it is held no more."""
        text = "".join((*self._held, piece[self._held_from : i]))
        self._held.clear()
        self._held_depth = -1
        self._target = self._receiver
        self._mark = self._marks[-1][0] if self._marks else -1
        return text

    def _enter(self, piece: str, i: int) -> Receiver:
        """The watcher has seen enough: give the text so far, and go on with the receiver."""
        depth = self._held_depth
        text = self._taken(piece, i)
        if self._receiver.enter(text):
            if not self._marks:
                self._kept, self._kept_from = [text], i
            self._marks.append((depth, self._held_start))
            self._mark = depth
        return self._receiver

    def _kept_text(self, piece: str, i: int) -> str:
        """The text of the innermost kept container up to `i`."""
        text = "".join((*self._kept, piece[self._kept_from : i]))
        return text[self._marks[-1][1] - self._marks[0][1] :]

    def _hold_again(self, piece: str, i: int) -> Observer:
        """Collect the rest of the innermost kept container, too: it is to be read again."""
        self._held = [self._kept_text(piece, i)]
        self._held_depth, self._held_start = self._marks[-1]
        self._held_from = i
        self._target = BUFFER_ONLY
        return BUFFER_ONLY

    def _close_marked(self, piece: str, i: int) -> Receiver:
        """A container that was held or kept has closed."""
        receiver = self._receiver
        was_kept = bool(self._marks) and self._marks[-1][0] == self._mark
        text = ""
        if self._held_depth >= 0:
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
        # Prose or a Markdown fence around the answer is by far the commonest cause.
        return self._error(reason, at, advice="" if self._closers else _TAKE_OFF)

    def _beyond(self, reason: str, at: int) -> JsonSyntaxError:
        return self._located(LimitExceeded, reason, at, inside=True)

    def _located(
        self, kind: type[JsonSyntaxError], reason: str, at: int, *, inside: bool, advice: str = ""
    ) -> JsonSyntaxError:
        offset = self._base + at
        column = offset - self._line_start + 1
        path = self._receiver.where(inside=inside)
        return kind(reason, path=path, offset=offset, line=self._line, column=column, advice=advice)
