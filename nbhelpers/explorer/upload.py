"""The button for a photo of one's own. Its file comes in pieces, which Python asks for one by one.

So no message is too long for a server, and of a file that is too large nothing is sent.
"""

from __future__ import annotations

import asyncio
import contextlib

from nbhelpers import widgets
from nbhelpers.errors import UserError
from nbhelpers.explorer import painting

try:
    import anywidget
except ImportError as error:
    raise UserError(widgets.missing("anywidget") or str(error)) from None

PATIENCE = 300  # seconds until a file of which no more comes is given up

SCRIPT = """
const PIECE = 2 ** 20; // bytes in one message; JupyterLab's server ends the connection at one of more than 10 * 2 ** 20
const LABEL = "your photo";
const ACCEPT = "image/*,.heic,.heif,.avif,.jp2,.jfif,.jpe,.tif,.tiff"; // what the browser offers; the content decides

function render({ model, el }) {
  const [button, input] = ["button", "input"].map((tag) => document.createElement(tag));
  button.className = "jupyter-widgets jupyter-button widget-button"; // as ipywidgets' own look
  Object.assign(button, { title: "choose a photo on your machine", textContent: LABEL });
  Object.assign(input, { type: "file", accept: ACCEPT, hidden: true });
  let file, id; // what is being sent

  function choose() {
    if (!input.files.length) return;
    file = input.files[0];
    id = Math.random().toString(36);
    input.value = ""; // the same file can be chosen again
    model.send({ id, name: file.name, size: file.size });
  }

  // Python has what is before the byte `at` and asks for more; without `at` it wants no more.
  async function answer({ id: asked, at }) {
    if (asked !== id) return;
    button.textContent = at === undefined ? LABEL : `${LABEL} ${Math.floor((100 * at) / file.size)} %`;
    if (at === undefined) return;
    const piece = await file.slice(at, at + PIECE).arrayBuffer().catch(() => null); // null: it cannot be read any more
    if (asked === id) model.send({ id, at }, undefined, piece ? [piece] : []);
  }

  button.addEventListener("click", () => input.click());
  input.addEventListener("change", choose);
  model.on("msg:custom", answer);
  el.append(button, input);
  return () => model.off("msg:custom", answer);
}

export default { render };
"""


class Upload(anywidget.AnyWidget):
    """A button "your photo"; while a file is sent it shows how much of it has come.

    A file that is chosen while another is on its way takes its place.

    Parameters
    ----------
    take : callable
        Called with the name (str) and the content (bytes) of a file that has come whole.
    wrong : callable
        Called with the UserError of one that is too large, or has not come whole.
    """

    _esm = SCRIPT

    def __init__(self, take, wrong):
        super().__init__()
        self.take, self.wrong = take, wrong
        self._forget()
        self.on_msg(self._came)

    def _forget(self) -> None:
        self.id, self.name, self.size, self.content = None, "", 0, bytearray()

    def _came(self, _widget, message: dict, buffers: list) -> None:
        """The browser names a file and its size, or sends the piece that it was asked for."""
        id_ = message["id"]
        try:
            if "name" in message:
                self._forget()
                painting.check_size(message["name"], message["size"])
                self.id, self.name, self.size = id_, message["name"], message["size"]
            elif id_ == self.id:
                self._add(message["at"], buffers)
        except UserError as error:
            self._forget()
            self.wrong(error)
        if id_ != self.id:  # it was refused, or another has taken its place
            self.send({"id": id_})
        elif len(self.content) < self.size:
            self._ask()
        else:
            self.send({"id": id_})
            name, content = self.name, bytes(self.content)
            self._forget()
            self.take(name, content)

    def _add(self, at: int, buffers: list) -> None:
        piece = b"".join(buffers)
        if at != len(self.content) or not 0 < len(piece) <= self.size - at:
            raise UserError(f"{self.name} has not come whole: choose it again")
        self.content += piece

    def _ask(self) -> None:
        """Ask for the next piece; where no event loop runs, as in a test, wait for it for ever."""
        at = len(self.content)
        self.send({"id": self.id, "at": at})
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(PATIENCE, self._give_up, self.id, at)

    def _give_up(self, id_, at: int) -> None:
        """As when the browser cannot read the piece that begins `at`, unless that has come."""
        if (self.id, len(self.content)) == (id_, at):
            self._came(self, {"id": id_, "at": at}, [])
