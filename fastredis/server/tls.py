"""TLS: the certificate directives of redis.conf as an `ssl.SSLContext`.

TLS connections are served by uvloop's own transports (`_engine.Connection`); the module is
imported only where `tls-port` is set, because `ssl` costs 6 ms at start.
"""

from __future__ import annotations

import ssl

from fastredis.server.text import encode, fold

_VERSIONS = {
    "tlsv1": ssl.TLSVersion.TLSv1,
    "tlsv1.1": ssl.TLSVersion.TLSv1_1,
    "tlsv1.2": ssl.TLSVersion.TLSv1_2,
    "tlsv1.3": ssl.TLSVersion.TLSv1_3,
}


class TlsError(Exception):
    """The TLS directives cannot be used; the text says which."""


def server_context(config) -> ssl.SSLContext:
    """The context that the `tls-*` directives describe. Raises TlsError."""
    if not config["tls-cert-file"] or not config["tls-key-file"]:
        raise TlsError("No tls-cert-file or no tls-key-file configured!")
    if not config["tls-ca-cert-file"] and not config["tls-ca-cert-dir"]:
        if config["tls-auth-clients"] != "no":
            raise TlsError("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when "
                           "tls-auth-clients is enabled")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(
            encode(config["tls-cert-file"]), encode(config["tls-key-file"]),
            encode(config["tls-key-file-pass"]) or None,
        )
        if config["tls-ca-cert-file"] or config["tls-ca-cert-dir"]:
            context.load_verify_locations(
                encode(config["tls-ca-cert-file"]) or None,
                encode(config["tls-ca-cert-dir"]) or None,
            )
        if config["tls-dh-params-file"]:
            context.load_dh_params(encode(config["tls-dh-params-file"]))
        if config["tls-ciphers"]:
            context.set_ciphers(config["tls-ciphers"])
        _limit_versions(context, config["tls-protocols"])
    except (OSError, ValueError) as error:
        raise TlsError(f"Failed to configure TLS: {error}") from error
    context.verify_mode = {
        "no": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "yes": ssl.CERT_REQUIRED,
    }[config["tls-auth-clients"]]
    if config["tls-prefer-server-ciphers"]:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if not config["tls-session-caching"]:
        context.options |= ssl.OP_NO_TICKET
    return context


def _limit_versions(context: ssl.SSLContext, words: str) -> None:
    chosen = [_VERSIONS[word] for word in fold(words).split() if word in _VERSIONS]
    if words and not chosen:
        raise ValueError(f"Invalid tls-protocols specified: {words}")
    context.minimum_version = min(chosen) if chosen else ssl.TLSVersion.TLSv1_2
    if chosen:
        context.maximum_version = max(chosen)
