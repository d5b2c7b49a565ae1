"""The port that the server listens on, and what it says where it cannot."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.server.sockets import PortUnavailable, bind, free_port, port_of
from tests.forks import Fork


def test_every_address_of_a_host_is_bound_to_one_port() -> None:
    with ExitStack() as opened:
        sockets = [opened.enter_context(each) for each in bind("localhost", 0)]
        assert "127.0.0.1" in {each.getsockname()[0] for each in sockets}
        assert {each.getsockname()[1] for each in sockets} == {port_of(sockets)}


def test_a_port_is_one_servers_unless_it_is_shared() -> None:
    with bind("127.0.0.1", 0)[0] as lone, bind("127.0.0.1", 0, shared=True)[0] as shared:
        lone.listen()
        shared.listen()
        with pytest.raises(PortUnavailable, match="--port"):
            bind("127.0.0.1", port_of([lone]), shared=True)
        with pytest.raises(PortUnavailable):
            free_port("127.0.0.1", port_of([shared]))
        with bind("127.0.0.1", port_of([shared]), shared=True)[0] as other:
            other.listen()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_refused(host: str) -> None:
    with pytest.raises(PortUnavailable, match=host):
        bind(host, 0)


def test_a_server_whose_port_is_taken_says_so_in_a_line(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0)[0] as taken:
        taken.listen()
        port = str(port_of([taken]))
        log = tmp_path / "log"
        server = Fork(["kshot", "serve", "--port", port, "--store", str(tmp_path / "models")], dict(os.environ), log)
        assert server.wait(60) == 1
    assert f"port {port}: Address already in use" in log.read_text()
    assert "Traceback" not in log.read_text()
