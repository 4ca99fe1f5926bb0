"""Run everything on this machine under one supervisor: Redis, web server, workers, schedule."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from labeling.runtime import RuntimeFault, ensure_runtime_dir
from labeling.supervision.parts import Plan, demo_seed, plan_parts, usable_cores
from labeling.supervision.preflight import check_disk, check_port, check_python, check_redis, reachable
from labeling.supervision.state import exclusive
from labeling.supervision.supervisor import Supervisor

DEMO_USERS_FILE = "demo_users.json"


class Command(BaseCommand):
    """Start all parts, print where they answer, keep them running until Ctrl-C."""

    help = "Run Redis, the web server and the workers until Ctrl-C; restart what crashes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--migrate", action="store_true", help="bring the database up to date first")
        parser.add_argument("--demo", action="store_true", help="seed the demo first, where it is not there yet")

    def handle(self, *_args: str, migrate: bool, demo: bool, **_options: object) -> None:
        """Run until stopped; if that is not possible, one clear line and a status other than 0."""
        try:
            self._run(migrate=migrate, demo=demo)
        except RuntimeFault as fault:
            raise CommandError(str(fault)) from fault

    def _run(self, *, migrate: bool, demo: bool) -> None:
        check_python()
        check_disk(settings.VAR_DIR)
        run_dir = ensure_runtime_dir(settings.VAR_DIR)
        with exclusive(run_dir) as killed:
            if killed:
                self._say(f"Cleared {killed} processes that an earlier run had left.")
            check_port(settings.HOST, settings.PORT)
            own_redis = not os.environ.get("REDIS_URL") and not os.environ.get("REDIS_URL_FILE")
            if not own_redis:
                check_redis(settings.REDIS_URL)
            check_database(migrate=migrate)
            plan = _plan(own_redis=own_redis)
            if demo and not demo_users():
                self._say("Filling the demo …")
            supervisor = Supervisor(
                plan_parts(plan),
                preparations=[demo_seed(plan)] if demo else [],
                run_dir=run_dir,
                log_dir=settings.VAR_DIR / "log",
                cwd=settings.BASE_DIR,
                address=address(),
                report=self._say,
            )
            supervisor.run(on_ready=self._announce)
            self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _announce(self) -> None:
        self._say(f"Burnish answers at {address()}")
        for other in other_addresses():
            self._say(f"  on the network: {other}")
        for line in demo_users():
            self._say(f"  {line}")
        if not User.objects.exists():
            self._say("  Nobody has an account yet: open the address to make the first administrator.")
        connection.close()
        self._say(f"Logs: {settings.VAR_DIR / 'log'}. Ctrl-C stops everything.")


def address() -> str:
    """Return the URL under which this machine reaches the pages."""
    return _url(reachable(settings.HOST))


def other_addresses() -> list[str]:
    """Return the URLs for other machines, if HOST lets them in."""
    if reachable(settings.HOST) == settings.HOST:
        return []
    local = {"localhost", "127.0.0.1", "[::1]", "*"}
    return [_url(name) for name in settings.ALLOWED_HOSTS if name not in local and not name.startswith(".")]


def _url(name: str) -> str:
    bracketed = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"http://{bracketed}:{settings.PORT}/"


def _plan(*, own_redis: bool) -> Plan:
    names = [name for name in settings.ALLOWED_HOSTS if name != "*" and not name.startswith(".")]
    return Plan(
        manage_py=settings.BASE_DIR / "manage.py",
        var_dir=settings.VAR_DIR,
        host=settings.HOST,
        port=settings.PORT,
        host_name=names[0] if names else "localhost",
        own_redis=own_redis,
        cores=usable_cores(),
    )


def check_database(*, migrate: bool) -> None:
    """Raise RuntimeFault if the database cannot be reached or lacks migrations; with `migrate`, apply them."""
    try:
        if migrate:
            call_command("migrate", verbosity=0, interactive=False)
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise RuntimeFault(f"The database does not answer ({str(error).strip()}); check DATABASE_URL.") from error
    finally:
        connection.close()
    if missing:
        raise RuntimeFault("The database is not up to date: run `python manage.py migrate`, then start again.")


def demo_users() -> list[str]:
    """Return a line for each demo user that `seed_demo` noted: role, name and password; none without a demo."""
    try:
        users = json.loads((settings.VAR_DIR / DEMO_USERS_FILE).read_text())
    except (OSError, ValueError):
        return []
    if not isinstance(users, list):
        return []
    known = [user for user in users if isinstance(user, dict) and {"username", "password"} <= user.keys()]
    return [f"{user.get('role', 'user')}: {user['username']} / {user['password']}" for user in known]
