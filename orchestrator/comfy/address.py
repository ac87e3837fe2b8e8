"""A server's base URL, as the user gives it, and the URLs made from it. Pure text, no network."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from orchestrator.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Address:
    """`base` may hold a path prefix and credentials; `str()` never shows the credentials."""

    base: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises SettingsError. `host:port` alone means http."""
        text = url.strip() if "://" in url else f"http://{url.strip()}"
        try:
            parts = urlsplit(text)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # a port that is none
            good = False
        if not good or parts.query or parts.fragment:
            raise SettingsError(
                f"'{url}' is no server address: give it like http://127.0.0.1:8188"
            ) from None
        return cls(text.rstrip("/"))

    def http(self, path: str) -> str:
        return f"{self.base}{path}"

    def websocket(self, client_id: str) -> str:
        """http → ws and https → wss, under the same path prefix."""
        return f"ws{self.base.removeprefix('http')}/ws?clientId={quote(client_id)}"

    def __str__(self) -> str:
        scheme, _, rest = self.base.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
