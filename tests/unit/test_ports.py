"""Ports that are asked for now and bound later: nobody else gets them in between."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kemi.cli.listen import held_port
from tests.support.ports import BLOCK, LOOPBACK, LOWEST, Block, free_port, own_block

ROOT = Path(__file__).parents[2]
ASK = (
    "from tests.support.ports import free_port, own_block; print(own_block().number, free_port(), flush=True); input()"
)


def test_given_processes_side_by_side_when_they_ask_for_ports_then_each_has_a_block_for_as_long_as_it_lives() -> None:
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    others = [subprocess.Popen([sys.executable, "-c", ASK], **pipe) for _ in range(2)]  # type: ignore[call-overload]
    try:
        told = [[int(word) for word in other.stdout.readline().split()] for other in others]
    finally:
        for other in others:
            other.communicate("\n")
    blocks = {number for number, _ in told}
    assert len(blocks | {own_block().number}) == 3
    assert all((port - LOWEST) // BLOCK == number for number, port in told)


def test_given_ports_when_more_are_asked_for_then_none_comes_twice_before_the_block_is_through() -> None:
    given = [free_port() for _ in range(BLOCK // 2)]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_given_a_port_that_somebody_holds_when_one_is_asked_for_then_it_is_another(kind: socket.SocketKind) -> None:
    number = own_block().number
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((LOOPBACK, Block(number, -1).next_free()))
        assert Block(number, -1).next_free() > holder.getsockname()[1]


def test_given_a_held_port_when_another_asks_for_it_then_only_who_shares_it_gets_it_and_hears_all() -> None:
    with held_port() as held, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(held.getsockname())
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(held.getsockname())
        held.setblocking(False)
        other.settimeout(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"all", held.getsockname())
        assert other.recv(10) == b"all"
        with pytest.raises(BlockingIOError):
            held.recv(10)
