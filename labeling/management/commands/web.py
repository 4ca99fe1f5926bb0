"""Run the web server alone, for systemd or a container. `manage.py start` runs everything."""

from __future__ import annotations

from argparse import ArgumentParser

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labeling.runtime import RuntimeFault
from labeling.supervision.preflight import check_port

# An open live connection must not hold up a stop.
STOP_WITHIN_S = 3
# The longest message a browser sends over the live connection is a few bytes.
MAX_LIVE_MESSAGE_BYTES = 64 * 1024


class Command(BaseCommand):
    """Serve HTTP and WebSocket on HOST and PORT."""

    requires_system_checks = []  # `manage.py check --deploy` says what is wrong
    help = "Run the web server (HTTP and WebSocket) on HOST and PORT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--processes", type=int, default=1, help="server processes (default 1)")
        parser.add_argument("--access-log", action="store_true", help="log every request")

    def handle(self, *_args: str, processes: int, access_log: bool, **_options: object) -> None:
        """Serve until SIGTERM or SIGINT."""
        try:
            check_port(settings.HOST, settings.PORT)
        except RuntimeFault as fault:
            raise CommandError(str(fault)) from fault
        uvicorn.run(
            "labeling.asgi:application",
            host=settings.HOST,
            port=settings.PORT,
            workers=processes,
            lifespan="off",
            log_config=None,
            access_log=access_log,
            server_header=False,
            ws_max_size=MAX_LIVE_MESSAGE_BYTES,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
