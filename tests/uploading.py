"""What the browser's half of the explorer's upload button does, for tests without a browser."""


class Sender:
    """Names files to an `Upload`, and sends the pieces that it is asked for.

    `answers` is what the button has said, as dicts.
    """

    def __init__(self, button):
        self.button, self.answers, self.count = button, [], 0
        button.send = self.answers.append

    def tell(self, message, *buffers):
        """Send one message; return the last answer."""
        self.button._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])
        return self.answers[-1]

    def begin(self, name, size):
        self.count += 1
        return self.tell({"id": str(self.count), "name": name, "size": size})

    def send(self, name, content, piece=2**20):
        """Choose a file, and go on for as long as pieces are asked for; return how many were."""
        answer, pieces = self.begin(name, len(content)), 0
        while "at" in answer:
            at, pieces = answer["at"], pieces + 1
            answer = self.tell({"id": answer["id"], "at": at}, content[at : at + piece])
        return pieces
