import pytest

from orchestrator.comfy.address import Address
from orchestrator.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "http", "websocket"),
    [
        ("http://h:8188", "http://h:8188/queue", "ws://h:8188/ws?clientId=me"),
        ("http://h:8188/", "http://h:8188/queue", "ws://h:8188/ws?clientId=me"),
        ("h:8188", "http://h:8188/queue", "ws://h:8188/ws?clientId=me"),
        ("https://h", "https://h/queue", "wss://h/ws?clientId=me"),
        ("https://h/a/b/", "https://h/a/b/queue", "wss://h/a/b/ws?clientId=me"),
        ("http://[::1]:8188", "http://[::1]:8188/queue", "ws://[::1]:8188/ws?clientId=me"),
    ],
)
def test_urls(url: str, http: str, websocket: str) -> None:
    address = Address.parse(url)
    assert address.http("/queue") == http
    assert address.websocket("me") == websocket


def test_credentials_are_used_and_not_shown() -> None:
    address = Address.parse("https://user:pass@h/comfy")
    assert address.http("/queue") == "https://user:pass@h/comfy/queue"
    assert address.websocket("me") == "wss://user:pass@h/comfy/ws?clientId=me"
    assert str(address) == "https://h/comfy"


@pytest.mark.parametrize(
    "url", ["", "ftp://h", "http://", "http://h:port", "http://h:99999", "h:0", "http://h/?a=b"]
)
def test_what_is_no_server_address(url: str) -> None:
    with pytest.raises(SettingsError, match=r"is no server address: give it like http://127\."):
        Address.parse(url)
