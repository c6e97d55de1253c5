"""A way to a PostgreSQL server that is cut at a chosen place: when a client sends COMMIT for the n-th time."""

import contextlib
import socket
import threading

COMMIT = b"COMMIT\0"


class CutProxy:
    """Listens on the loopback until the test ends. `before`: the server does not get the COMMIT; otherwise the client does not get its answer."""

    def __init__(self, test, port):
        self.server = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.cuts = []  # numbers of COMMITs, and whether before
        self.commits = 0
        self.done = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, *numbers, before=False):
        """Counted from now on."""
        with self.lock:
            self.cuts += [(self.commits + number, before) for number in numbers]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    @staticmethod
    def _close(*sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _requests(self, client, server):
        with contextlib.suppress(OSError):
            while piece := client.recv(1 << 16):
                if piece.endswith(COMMIT):
                    with self.lock:
                        self.commits += 1
                        cut = next((c for c in self.cuts if c[0] == self.commits), None)
                        if cut:
                            self.cuts.remove(cut)
                            self.done += 1
                    if cut:
                        if not cut[1]:
                            client.shutdown(socket.SHUT_WR)  # first: the answer does not come through
                            server.sendall(piece)
                            server.shutdown(socket.SHUT_WR)
                            while server.recv(1 << 16):
                                pass
                        break
                server.sendall(piece)
        self._close(client, server)

    def _answers(self, server, client):
        with contextlib.suppress(OSError):
            while piece := server.recv(1 << 16):
                client.sendall(piece)
        self._close(server, client)
