"""Servers as small as a client can talk to."""

import socketserver
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Redis(socketserver.StreamRequestHandler):
    """Answers every command by OK."""

    def handle(self):
        with suppress(ConnectionResetError):
            while header := self.rfile.readline():
                for _ in range(2 * int(header[1:])):
                    self.rfile.readline()
                self.wfile.write(b"+OK\r\n")


class Web(BaseHTTPRequestHandler):
    """Answers every request by an empty page, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def running(server):
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def redis():
    return running(Server(("127.0.0.1", 0), Redis))


def web():
    return running(ThreadingHTTPServer(("127.0.0.1", 0), Web))
