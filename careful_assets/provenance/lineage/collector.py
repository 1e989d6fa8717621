"""The collector: whoever takes OpenLineage events over HTTP, where the environment names one.

Belongs here: one event, one attempt, within a time that holds also where the collector trickles or hangs. Does not
belong here: what happens to an event that was not sent (`emitter`, `operations.flush`). Neither the address, which may
hold a password, nor the key ever stands in a message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urljoin, urlsplit

ENDPOINT = "api/v1/lineage"
# With these the collector speaks of the event, not of how or how often it was asked.
_REFUSALS = frozenset({400, 413, 422})


class NotSent(Exception):
    """The collector has not acknowledged the event. `refused`: it heard it, and will not have it."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class BadAddress(Exception):
    """OPENLINEAGE_URL is no address of a collector."""


@dataclass(frozen=True)
class Address:
    """Where events go, as OpenLineage's own client names it in the environment."""

    url: str
    endpoint: str = ENDPOINT
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Address | None:
        """The address in OPENLINEAGE_URL, _ENDPOINT and _API_KEY; None without one, or if OPENLINEAGE_DISABLED is true.

        Raises:
            BadAddress: it is none that events could be sent to; the message holds neither the address nor the key.
        """
        url = environ.get("OPENLINEAGE_URL", "").strip()
        if not url or environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
            return None
        endpoint = environ.get("OPENLINEAGE_ENDPOINT") or ENDPOINT
        if not (_is_usable(url) and _is_usable(urljoin(url, endpoint))):
            raise BadAddress(
                "OPENLINEAGE_URL, or what OPENLINEAGE_ENDPOINT makes of it, is no address of a collector: it must be "
                "such as http://host:5000 or https://host"
            )
        return cls(url, endpoint, environ.get("OPENLINEAGE_API_KEY") or None)


def _is_usable(url: str) -> bool:
    """Whether a request to it can be made: what the transport refuses, it refuses here, where the words are ours."""
    from requests import Request, RequestException
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        Request("POST", url).prepare()
        (parse_url(url).host or "").encode("idna")  # as a connection looks it up: no label may be empty, or too long
    except (ValueError, RequestException, LocationParseError):
        return False
    return named


class Collector:
    """One collector and the time that it has for an event."""

    def __init__(self, address: Address, seconds: float) -> None:
        from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider
        from requests import Session

        session = Session()
        # A POST that is sent on arrives elsewhere without the event, or with the key at a place that nobody named.
        session.max_redirects = 0
        session.stream = True  # the status says it all: an answer's body is never read, however long it gets
        key = address.api_key
        auth = ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({})
        config = HttpConfig(
            url=address.url, endpoint=address.endpoint, timeout=seconds, auth=auth, session=session,
            retry={"total": 0, "redirect": 0, "raise_on_redirect": False},
        )  # fmt: skip
        self._transport = HttpTransport(config)
        self._seconds = seconds

    def send(self, event: dict[str, Any]) -> None:
        """Hand over one event and hear that it was taken; one that was taken too late has not been sent, either.

        Raises:
            NotSent: it was not, or not in time.
        """
        outcome: list[NotSent | None] = []
        # A socket's time-out counts from byte to byte: only a thread can be left behind by the clock.
        thread = Thread(target=lambda: outcome.append(self._attempt(event)), name="openlineage", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if not outcome:
            raise NotSent(f"the collector did not answer within {self._seconds:g} s")
        if outcome[0] is not None:
            raise outcome[0]

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def _attempt(self, event: dict[str, Any]) -> NotSent | None:
        from requests import HTTPError, Timeout, TooManyRedirects

        try:
            # The client declares its own classes of events, and sends a plain document just as well.
            answer = self._transport.emit(event)  # type: ignore[arg-type]
        except HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            return NotSent(f"the collector answered {status}", refused=status in _REFUSALS)
        except TooManyRedirects as error:
            status = error.response.status_code if error.response is not None else 0
            return NotSent(f"the collector answered {status} with another address: set OPENLINEAGE_URL to that one")
        except Timeout:
            return NotSent(f"the collector did not answer within {self._seconds:g} s")
        except Exception as error:  # noqa: BLE001  whatever it was, the event was not sent; its words may hold the address
            return NotSent(f"the collector cannot be reached ({type(error).__name__})")
        if not 200 <= answer.status_code < 300:
            return NotSent(f"the collector answered {answer.status_code}")
        return None
