"""Connections below the HTTP client, against sockets that answer byte by byte what a test says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import trustme

from publisher.http import pool as pool_module
from publisher.http.pool import Pool, Reply
from publisher.http.wire import Failure, Origin, Patience, Proxy, WireError, request_head

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Talk:
    """A server that handles each connection by `serve`, and what it was sent, connection by connection."""

    serve: Callable[[socket.socket, Talk], None]
    tls: ssl.SSLContext | None = None
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    def hear(self, connection: socket.socket, until: bytes = b"\r\n\r\n") -> bytes:
        """Read up to `until`; return what came before it since the last call."""
        data = b""
        while until not in data:
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
        self.heard.append(data)
        return data


@contextmanager
def talking(serve: Callable[[socket.socket, Talk], None], tls: ssl.SSLContext | None = None) -> Iterator[Talk]:
    """Run a server for the time of the block."""
    talk = Talk(serve, tls)
    listener = socket.create_server(("127.0.0.1", 0))
    talk.port = listener.getsockname()[1]
    opened: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        try:
            secured = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secured:
                serve(secured, talk)
        except OSError:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield talk
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
        for connection in opened:
            connection.close()


def answering(*answers: bytes) -> Callable[[socket.socket, Talk], None]:
    """Give one answer to each request of a connection, then close it."""

    def serve(connection: socket.socket, talk: Talk) -> None:
        for answer in answers:
            if not talk.hear(connection):
                return
            connection.sendall(answer)

    return serve


@contextmanager
def pool_to(talk: Talk, **changes: object) -> Iterator[Pool]:
    made = Pool(replace(Origin("127.0.0.1", talk.port, connect_timeout_s=2.0), **changes), {})  # type: ignore[arg-type]
    yield made
    made.close()


def patience() -> Patience:
    return Patience(2.0, 5.0)


def whole(reply: Reply) -> tuple[int, bytes]:
    """Read an answer to its end."""
    body = b"".join(iter(lambda: reply.read(1000), b""))
    reply.close()
    return reply.status, body


def ask(pool: Pool, method: str = "GET", body: bytes = b"", *, wait: bool = False) -> tuple[int, bytes]:
    """Send a request and read its answer to the end."""
    headers = {"Content-Length": str(len(body))} | ({"Expect": "100-continue"} if wait else {})
    return whole(pool.request(method, "/x", headers, body, patience=patience(), wait_for_continue=wait))


CUTS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Meta: a\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Me",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 2",
    b"",
    CONTINUE,
    CONTINUE + b"HTTP/1.1 200 OK\r\nX: y",
]


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_header_block_is_no_answer(cut: bytes) -> None:
    """Headers that end in the middle are an error wherever they end: the missing ones might be those that matter."""
    with talking(answering(cut)) as talk, pool_to(talk) as pool, pytest.raises(WireError) as caught:
        ask(pool, "HEAD")

    assert caught.value.failure is Failure.BROKEN
    assert not caught.value.is_unsent


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    ],
    ids=["length", "chunks", "chunk-size"],
)
@pytest.mark.parametrize("read", [Reply.read, Reply.read_some])
def test_a_cut_body_is_an_error(answer: bytes, read: Callable[[Reply, int], bytes]) -> None:
    """A body that ends before its end raises, instead of looking like a short one."""
    with talking(answering(answer)) as talk, pool_to(talk) as pool:
        reply = pool.request("GET", "/x", {}, patience=patience())
        with pytest.raises(WireError):
            list(iter(lambda: read(reply, 1000), b""))
        reply.close()


def test_connections_are_kept_and_used_again() -> None:
    """Answers that were read to their end, also empty and chunked ones, leave their connection for the next request."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    with talking(answering(OK, chunked, empty, OK)) as talk, pool_to(talk) as pool:
        said = [ask(pool), ask(pool), ask(pool), ask(pool)]

    assert said == [(200, b"ok"), (200, b"ok"), (204, b""), (200, b"ok")]
    assert len(talk.heard) == 4


def test_the_answer_to_a_lookup_leaves_the_connection() -> None:
    """HEAD has no body whatever its length says, and nothing has to be read."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with talking(answering(head, OK)) as talk, pool_to(talk) as pool:
        pool.request("HEAD", "/x", {}, patience=patience()).close()
        assert ask(pool) == (200, b"ok")

    assert len(talk.heard) == 2


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok",
    ],
    ids=["close", "http-1.0", "no-length"],
)
def test_a_connection_that_is_over_is_not_used_again(first: bytes) -> None:
    """An answer that ends with its connection, in words or for want of a length: the next request gets another one."""
    answers = iter([first, OK])

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(next(answers))

    with talking(serve) as talk, pool_to(talk) as pool:
        assert [ask(pool), ask(pool)] == [(200, b"ok")] * 2


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!"


@pytest.mark.parametrize("at_once", [True, False])
def test_an_answer_nobody_asked_for_is_nobodys(at_once: bool) -> None:
    """What a server sends behind an answer, or before the next question, never becomes the next answer."""
    was_sent = threading.Event()

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(OK + EVIL if at_once else OK)
        if not at_once and not was_sent.is_set():
            connection.sendall(EVIL)
        was_sent.set()
        talk.hear(connection)
        connection.sendall(OK)

    with talking(serve) as talk, pool_to(talk) as pool:
        first = ask(pool)
        was_sent.wait(5)
        assert [first, ask(pool)] == [(200, b"ok")] * 2


def test_a_half_read_answer_ends_its_connection() -> None:
    """The rest of a body never becomes the beginning of the next answer."""
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    answers = iter([long, OK])

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(next(answers))

    with talking(serve) as talk, pool_to(talk) as pool:
        reply = pool.request("GET", "/x", {}, patience=patience())
        reply.read(10)
        reply.close()
        assert ask(pool) == (200, b"ok")


def test_old_connections_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle for long may be forgotten on the way: a new one is made."""
    with talking(answering(OK, OK)) as talk, pool_to(talk) as pool:
        ask(pool)
        monkeypatch.setattr(pool_module, "MAX_IDLE_S", 0.0)
        ask(pool)

    assert len(talk.heard) >= 2
    assert [b"GET" in each for each in talk.heard].count(True) == 2


def test_a_refused_body_is_not_sent() -> None:
    """Asked beforehand, a server may refuse; the body stays here, and the connection is not used for anything else."""
    refused = b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"
    with talking(answering(refused)) as talk, pool_to(talk) as pool:
        assert ask(pool, "PUT", b"x" * 100_000, wait=True) == (412, b"")

    assert talk.heard[0].endswith(b"\r\n\r\n")


@pytest.mark.parametrize("says_continue", [True, False], ids=["continue", "silence"])
def test_a_wanted_body_is_sent_after_a_moment_at_most(says_continue: bool) -> None:
    """`100 Continue` brings the body at once; a server that says nothing gets it after a second."""

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        if says_continue:
            connection.sendall(CONTINUE)
        talk.hear(connection, b"the end")
        connection.sendall(OK)

    with talking(serve) as talk, pool_to(talk) as pool:
        started = time.monotonic()
        assert ask(pool, "PUT", b"x" * 100_000 + b"the end", wait=True) == (200, b"ok")
        took_s = time.monotonic() - started

    assert talk.heard[1] == b"x" * 100_000 + b"the end"
    assert (took_s < 0.9) is says_continue


def test_a_server_that_answers_early_and_hangs_up_is_heard() -> None:
    """A refusal in the middle of a body is the answer, not a broken connection."""

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.3)  # let the answer arrive before the reset that unread bytes cause

    def body() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536
            time.sleep(0.01)

    with talking(serve) as talk, pool_to(talk) as pool:
        reply = pool.request("PUT", "/x", {"Content-Length": str(64 << 16)}, body(), patience=patience())
        assert reply.status == 403
        reply.close()


def test_a_large_body_may_take_longer_than_its_answer() -> None:
    """Where the body does not count, only its pieces and the answer have limits."""

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection, b"the end")
        connection.sendall(OK)

    def slowly() -> Iterator[bytes]:
        yield b"x"
        time.sleep(0.6)
        yield b"the end"

    with talking(serve) as talk, pool_to(talk) as pool:
        headers = {"Content-Length": "8"}
        reply = pool.request("PUT", "/x", headers, slowly(), patience=Patience(0.5, 0.5, counts_body=False))
        assert whole(reply) == (200, b"ok")
        with pytest.raises(WireError) as caught:
            pool.request("PUT", "/x", headers, slowly(), patience=Patience(0.5, 0.5))

    assert caught.value.failure is Failure.TOO_SLOW


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X\r\nY": "b"}, {"X": "ü"}],
)
def test_nothing_in_a_header_ends_its_line(headers: dict[str, str]) -> None:
    """A value that would become another header is refused, and not shown."""
    with pytest.raises(ValueError, match="cannot carry") as caught:
        request_head("GET", "/x", headers)

    assert "Y" not in str(caught.value)


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/ü"])
def test_nothing_in_a_target_ends_its_line(target: str) -> None:
    """The request line holds one method, one target and one version."""
    with pytest.raises(ValueError, match="cannot carry"):
        request_head("GET", target, {})


def test_a_proxy_is_asked_for_the_whole_address() -> None:
    """Plain requests through a proxy name their host in the request line, and show the proxy its own credentials."""
    with talking(answering(OK)) as talk:
        proxy = Proxy("127.0.0.1", talk.port, "Basic canary")
        with pool_to(talk, host="store.example", port=80, proxy=proxy) as pool:
            assert ask(pool) == (200, b"ok")

    assert talk.heard[0].startswith(b"GET http://store.example/x HTTP/1.1\r\nHost: store.example\r\n")
    assert b"Proxy-Authorization: Basic canary\r\n" in talk.heard[0]
    assert "canary" not in repr(proxy)


def test_a_tunnel_leads_to_the_origin_itself() -> None:
    """Encrypted requests pass a proxy unseen: it is told host and port, and the certificate is the origin's."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("store.example").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    def tunnel(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with server.wrap_socket(connection, server_side=True) as secured:
            talk.hear(secured)
            secured.sendall(OK)

    with talking(tunnel) as talk:
        proxy = Proxy("127.0.0.1", talk.port, "Basic canary")
        with pool_to(talk, host="store.example", port=443, tls=client, proxy=proxy) as pool:
            assert ask(pool) == (200, b"ok")

    asked, inner = talk.heard
    assert asked.startswith(b"CONNECT store.example:443 HTTP/1.1\r\n")
    assert b"canary" in asked
    assert inner.startswith(b"GET /x HTTP/1.1\r\nHost: store.example\r\n")
    assert b"canary" not in inner


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b""])
def test_a_proxy_that_refuses_is_no_connection(answer: bytes) -> None:
    """Without a tunnel nothing was sent to the origin."""
    with talking(answering(answer)) as talk:
        tls, proxy = ssl.create_default_context(), Proxy("127.0.0.1", talk.port)
        pool = Pool(Origin("store.example", 443, tls, proxy), {})
        with pytest.raises(WireError) as caught:
            ask(pool)

    assert caught.value.is_unsent
