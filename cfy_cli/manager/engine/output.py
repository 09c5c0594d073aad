"""What a process writes, as lines of text: told as they come up to a limit, of what follows only the last."""

import codecs
from collections import deque
from collections.abc import Callable

LONGEST_LINE = 65536  # characters; longer ones are told in pieces
TAIL = 16384  # characters of output kept to explain a failure
MOST_TOLD = 16 * 1024 * 1024  # characters of one stream: history is for people, and shares a database with all else
LINE_COST = 256  # characters that a line takes besides its text

OnLine = Callable[[str], None]


class Lines:
    """Bytes as they come, told line by line; keeps the end of them."""

    def __init__(self, tell: OnLine | None) -> None:
        self._tell, self._left = tell, MOST_TOLD
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._tail: deque[str] = deque()
        self._held = 0
        self._cut = False
        self._missed, self._missed_lines = 0, 0

    def feed(self, data: bytes) -> None:
        self._take(self._decode(data))

    def end(self) -> None:
        self._take(self._decode(b"", final=True))
        if self._rest and self._tell:
            self._say(self._tell, self._rest)
        self._rest = ""
        if self._missed and self._tell:
            self._say_last(self._tell)

    @property
    def tail(self) -> str:
        text = "".join(self._tail)
        return "[...] " + text[-TAIL:] if self._cut or len(text) > TAIL else text

    def _take(self, text: str) -> None:
        text = text.replace("\0", "\ufffd")
        self._keep(text)
        if not self._tell:
            return
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._say(self._tell, line.removesuffix("\r"))
        while len(self._rest) > LONGEST_LINE:
            self._say(self._tell, self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]

    def _say(self, tell: OnLine, line: str) -> None:
        if self._left <= 0:
            self._missed += len(line)
            self._missed_lines += 1
            return
        tell(line)
        self._left -= len(line) + LINE_COST
        if self._left <= 0:
            tell("[This is too much to keep: of what follows, only the last lines are told, at the end.]")

    def _say_last(self, tell: OnLine) -> None:
        """The last whole lines of those not told."""
        last = "".join(self._tail)[-TAIL:].removesuffix("\n").split("\n")[1:][-self._missed_lines :]
        missed = self._missed - sum(map(len, last))
        tell(f"[{max(missed, 0) / 1e6:.1f} MB, {self._missed_lines - len(last)} lines, were left out here.]")
        for line in last:
            tell(line.removesuffix("\r"))
        self._missed = 0

    def _keep(self, text: str) -> None:
        self._tail.append(text)
        self._held += len(text)
        while self._held - len(self._tail[0]) > TAIL:
            self._held -= len(self._tail.popleft())
            self._cut = True
