"""`headwater token`: a bearer token for who may use a service, and what the service is told of it.

Exit status: 0 done · 2 the call is wrong, or the token that was given is too weak.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "make a bearer token, and what a service is told of it"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    import sys
    from typing import Annotated

    import typer
    from headwater.transports.tokens import SHORTEST_TOKEN, fingerprint_of, new_token

    from .command_line import Json, call

    def command(
        *,
        stdin: Annotated[
            bool, typer.Option("--stdin", help="Read a token that you have; do not make one.")
        ] = False,
        as_json: Json = False,
    ) -> int:
        """Make a bearer token, and what a service is told of it.

        Give the token to who may use the service, and the fingerprint to the service:

            HEADWATER_TOKENS=sha256:... headwater run services.user_service --host 0.0.0.0

        The service cannot tell the token from its fingerprint, so the fingerprint is no secret.
        To change a token, have both fingerprints in HEADWATER_TOKENS, separated by a comma, until
        nobody uses the old one any more.
        """
        token = sys.stdin.readline().strip() if stdin else new_token()
        if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            sys.stderr.write(
                f"headwater token: a token has {SHORTEST_TOKEN} visible ASCII characters or more, "
                "at random: its fingerprint would give a password away\n"
            )
            return 2
        if as_json:
            lines = json.dumps(
                {"fingerprint": fingerprint_of(token)}
                if stdin
                else {"token": token, "fingerprint": fingerprint_of(token)}
            )
        else:
            lines = f"fingerprint  {fingerprint_of(token)}"
            lines = lines if stdin else f"token        {token}\n{lines}"
        sys.stdout.write(f"{lines}\n")
        return 0

    return call(command, argv, "token")
