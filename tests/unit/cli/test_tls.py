"""Certificates: every fault is told before anything starts, with the variable or the file that it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.cli.listen import Listen
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.tls import check_certificate, defines
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


def test_given_a_certificate_and_its_key_when_checked_then_kamailio_is_told_their_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    check_certificate(Settings(tls_certificate=str(certificate), tls_private_key=str(key)), [ENCRYPTED])
    monkeypatch.chdir(tmp_path)
    relative = Settings(tls_certificate=certificate.name, tls_private_key=key.name)
    check_certificate(relative, [ENCRYPTED])
    assert defines(relative) == (f'TLS_CERTIFICATE="{certificate}"', f'TLS_PRIVATE_KEY="{key}"')


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
