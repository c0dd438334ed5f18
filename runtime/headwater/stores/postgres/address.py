"""Where a database is, said without its secrets."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from headwater.errors import ConfigurationError

__all__ = ["SCHEMES", "Address", "schema_of"]

SCHEMES = ("postgresql://", "postgres://")


class Address:
    """A database's URL. As text, and in `repr`, it has neither password nor options."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        except ValueError:  # its text would repeat a part of the URL
            raise ConfigurationError(
                "the database's URL cannot be understood; it has the form postgresql://"
                "user:password@host:port/database, with %-escapes for special characters"
            ) from None
        self.url = url
        user = f"{unquote(parts.username)}@" if parts.username else ""
        place = parts.netloc.rpartition("@")[2] or options.get("host", "")
        self._text = f"postgresql://{user}{place}{parts.path}"

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Address({self._text!r})"


def schema_of(url: str) -> str:
    """The schema that the URL's `search_path` begins with; `public` where it has none."""
    options = dict(parse_qsl(urlsplit(url).query))
    return options.get("search_path", "public").partition(",")[0].strip()
