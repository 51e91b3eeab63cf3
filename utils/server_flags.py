"""The check of the flag that names servers; see utils/args.py for the others."""

from __future__ import annotations

from urllib.parse import urlsplit

from utils.run.files import InputError

KEY_VARIABLES = ("GIFT_API_KEY", "OPENAI_API_KEY")


def check_url(url: str) -> None:
    """InputError where `url` is not the base URL of an OpenAI-compatible server."""
    flag, parts = f"--base_url {url}", urlsplit(url)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # a port that is not a number
        valid = False
    if parts.username or parts.password:
        raise InputError(f"--base_url: holds a password; an API key comes from the variable {KEY_VARIABLES[0]}")
    if not valid or parts.query or parts.fragment:
        raise InputError(f"{flag}: no URL of a server; expected one such as http://localhost:8000/v1")
    if not parts.path.rstrip("/").endswith("/v1"):
        raise InputError(f"{flag}: ends without /v1; expected {parts.scheme}://{parts.netloc}/v1")
