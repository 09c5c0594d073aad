"""Output of a process as lines of text: emitted up to a limit, beyond it only the last lines."""

import codecs
from collections import deque
from collections.abc import Callable

MAX_LINE = 65536  # characters; longer lines are split
MAX_TAIL = 16384  # characters of output kept to explain a failure
MAX_EMITTED = 16 * 1024 * 1024  # characters of one stream, because events share a database with all other data
LINE_COST = 256  # characters that a line takes besides its text

OnLine = Callable[[str], None]


class LineReader:
    """Decodes bytes as they arrive and emits whole lines; keeps the tail of the text."""

    def __init__(self, emit: OnLine | None) -> None:
        self._emit, self._budget = emit, MAX_EMITTED
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._partial_line = ""
        self._chunks: deque[str] = deque()  # the end of the text
        self._chunks_size = 0
        self._is_cut = False
        self._omitted, self._omitted_lines = 0, 0

    def feed(self, data: bytes) -> None:
        self._add(self._decode(data))

    def end(self) -> None:
        self._add(self._decode(b"", final=True))
        if self._partial_line and self._emit:
            self._emit_line(self._emit, self._partial_line)
        self._partial_line = ""
        if self._omitted and self._emit:
            self._emit_last_lines(self._emit)

    @property
    def tail(self) -> str:
        text = "".join(self._chunks)
        return "[...] " + text[-MAX_TAIL:] if self._is_cut or len(text) > MAX_TAIL else text

    def _add(self, text: str) -> None:
        text = text.replace("\0", "\ufffd")
        self._keep_tail(text)
        if not self._emit:
            return
        *lines, self._partial_line = (self._partial_line + text).split("\n")
        for line in lines:
            self._emit_line(self._emit, line.removesuffix("\r"))
        while len(self._partial_line) > MAX_LINE:
            self._emit_line(self._emit, self._partial_line[:MAX_LINE])
            self._partial_line = self._partial_line[MAX_LINE:]

    def _emit_line(self, emit: OnLine, line: str) -> None:
        if self._budget <= 0:
            self._omitted += len(line)
            self._omitted_lines += 1
            return
        emit(line)
        self._budget -= len(line) + LINE_COST
        if self._budget <= 0:
            emit("[The output is too long: of the rest, only the last lines are logged, when the process ends.]")

    def _emit_last_lines(self, emit: OnLine) -> None:
        """Emit the last whole lines of those that were omitted."""
        last = "".join(self._chunks)[-MAX_TAIL:].removesuffix("\n").split("\n")[1:][-self._omitted_lines :]
        omitted = self._omitted - sum(map(len, last))
        emit(f"[{max(omitted, 0) / 1e6:.1f} MB, {self._omitted_lines - len(last)} lines, were left out here.]")
        for line in last:
            emit(line.removesuffix("\r"))
        self._omitted = 0

    def _keep_tail(self, text: str) -> None:
        self._chunks.append(text)
        self._chunks_size += len(text)
        while self._chunks_size - len(self._chunks[0]) > MAX_TAIL:
            self._chunks_size -= len(self._chunks.popleft())
            self._is_cut = True
