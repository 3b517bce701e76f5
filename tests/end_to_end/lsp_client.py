"""A small client of `striate lsp`, for tests: frames, requests, and the notifications that came in between."""

import json
import select
import subprocess
import time

import harness


class Client:
    def __init__(self, folder, **capabilities):
        self.process = subprocess.Popen(
            [harness.BINARY, "lsp"],
            cwd=folder,
            env=harness.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.buffer = b""
        self.number = 0
        self.diagnostics = {}  # by URI, the last ones
        self.published = 0
        self.capabilities = capabilities

    def send_bytes(self, content):
        self.process.stdin.write(content)
        self.process.stdin.flush()

    def send(self, message):
        body = json.dumps(message).encode()
        self.send_bytes(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def receive(self, timeout=30):
        """The next message; None where the server closed its output."""
        end = time.monotonic() + timeout
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found:
                length = int(head.split(b":")[1])
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    return json.loads(rest[:length].decode())
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError("the language server says nothing")
            content = self.process.stdout.read1(1 << 16)
            if not content:
                return None
            self.buffer += content

    def take(self, message):
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            self.published += 1

    def answer(self, number):
        while True:
            message = self.receive()
            if message is None:
                raise EOFError("the language server has gone")
            if "id" in message and message["id"] == number:
                return message
            self.take(message)

    def request(self, method, **params):
        """The whole answer: with `result` or `error`."""
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        return self.answer(self.number)

    def result(self, method, **params):
        answer = self.request(method, **params)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def notify(self, method, **params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def initialize(self):
        result = self.result("initialize", processId=None, rootUri=None, capabilities=self.capabilities)
        self.notify("initialized")
        return result

    def open(self, uri, text, version=1):
        self.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "striate", "version": version, "text": text})

    def change(self, uri, *changes, version=2):
        self.notify("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=list(changes))

    def wait_for_diagnostics(self, uri):
        """The next ones of this document."""
        self.diagnostics.pop(uri, None)
        while uri not in self.diagnostics:
            message = self.receive()
            if message is None:
                raise EOFError("the language server has gone")
            self.take(message)
        return self.diagnostics[uri]

    def at(self, method, uri, position, **params):
        line, character = position
        return self.result(method, textDocument={"uri": uri}, position={"line": line, "character": character}, **params)

    def finish(self):
        """Shuts the server down as the protocol has it; its exit code."""
        self.result("shutdown")
        self.notify("exit")
        return self.wait()

    def wait(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=30)
        self.close()
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
