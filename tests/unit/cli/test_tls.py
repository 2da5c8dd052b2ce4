"""Certificates: every fault is told before anything starts, with the variable or the file that it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.cli.listen import Listen
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.tls import check_certificate, defines, install
from kemi.settings import Settings
from tests.support.certificate import make_certificate

PLAIN, ENCRYPTED = Listen("ws", "127.0.0.1", 80), Listen("wss", "127.0.0.1", 443)


def fault(certificate: object, key: object) -> str:
    settings = Settings(tls_certificate=str(certificate), tls_private_key=str(key))
    with pytest.raises(CommandFailed) as raised:
        check_certificate(settings, [PLAIN, ENCRYPTED])
    assert raised.value.code is Exit.USAGE
    return str(raised.value)


def test_given_no_encrypted_address_when_checked_then_no_certificate_is_needed() -> None:
    check_certificate(Settings(), [PLAIN])


def test_given_a_certificate_and_its_key_when_installed_then_kamailio_is_told_of_copies_that_only_the_owner_reads(
    tmp_path: Path,
) -> None:
    certificate, key = make_certificate(tmp_path / "from")
    check_certificate(Settings(tls_certificate=str(certificate), tls_private_key=str(key)), [ENCRYPTED])
    node = tmp_path / "n"
    node.mkdir()

    install(str(certificate), str(key), str(node))

    assert defines(Settings(run_dir=str(tmp_path), node="n")) == (f'TLS_CONFIG="{node}/tls.cfg"',)
    told = (node / "tls.cfg").read_text()
    (chain,), (secret,) = node.glob("tls-*.crt"), node.glob("tls-*.key")
    assert f'certificate = "{chain}"\nprivate_key = "{secret}"\n' in told
    assert (chain.read_bytes(), secret.read_bytes()) == (certificate.read_bytes(), key.read_bytes())
    assert {file.stat().st_mode & 0o777 for file in node.iterdir()} == {0o600}


def test_given_a_pair_that_is_none_when_installed_then_the_last_one_stays_and_the_fault_names_the_file(
    tmp_path: Path,
) -> None:
    certificate, key = make_certificate(tmp_path / "from")
    _, other = make_certificate(tmp_path / "from", name="other")
    node = tmp_path / "n"
    node.mkdir()
    install(str(certificate), str(key), str(node))
    before = {file.name: file.read_bytes() for file in node.iterdir()}

    with pytest.raises(CommandFailed, match="no certificate chain and its private key") as raised:
        install(str(certificate), str(other), str(node))

    assert str(other) in raised.value.message
    assert {file.name: file.read_bytes() for file in node.iterdir()} == before


def test_given_a_path_that_is_missing_when_checked_then_the_variable_is_named(tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    assert fault("", "").startswith("wss:127.0.0.1:443 needs a certificate: set STAR87_TLS_CERTIFICATE to ")
    assert "set STAR87_TLS_PRIVATE_KEY to " in fault(certificate, "")


def test_given_a_file_that_cannot_be_read_when_checked_then_it_is_named(tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    missing = tmp_path / "gone.key"
    assert fault(certificate, missing) == (
        f"STAR87_TLS_PRIVATE_KEY: {missing} cannot be read: No such file or directory"
    )
    assert "cannot be read: Is a directory" in fault(tmp_path, missing)


def test_given_files_that_do_not_belong_together_when_checked_then_both_are_named(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    _, other = make_certificate(tmp_path, name="other")
    (nonsense := tmp_path / "nonsense").write_text("no PEM")
    assert "(KEY_VALUES_MISMATCH)" in fault(certificate, other)
    assert f"{nonsense} and {key} are no certificate chain" in fault(nonsense, key)


def test_given_a_key_with_a_passphrase_when_checked_then_one_without_is_asked_for(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, passphrase="hush-hush")
    assert fault(certificate, key) == f"{key} has a passphrase: give the node a key without one"
