"""The daemon's process: it serves one configuration after the other, until a signal ends it.

SIGTERM and SIGINT end it after the files in hand; SIGHUP reads the configuration again and goes on with the old one
when the new one is not right. After a `kill -9` the next start finishes what was under way.
"""

from __future__ import annotations

import logging
import queue
import signal
from pathlib import Path

from goodhoster.assembly.mover import mover_of
from goodhoster.assembly.state import make_state_dir
from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.linux.kernel import expect_openat2
from goodhoster.linux.privileges import set_process_name, share_memory_among_threads
from goodhoster.settings import Settings, load
from goodhoster_agent.configuration_check import check_whole
from goodhoster_agent.daemon import Daemon, PrivilegedProcesses
from goodhoster_agent.daemon_lock import only_daemon
from goodhoster_agent.hashing.sandboxed_services import daemon_services
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.launch import running_supervisor
from goodhoster_agent.privileged.starter.plan import terms_of
from goodhoster_agent.systemd_service import log_to_service, notify_systemd, reloading

_log = logging.getLogger(__name__)
_SETTLED_AT_START = "commands, ports below 1024 and directories that the daemon writes to"
_TICK = 1.0


def run(file: Path) -> None:
    """Run until SIGTERM or SIGINT; prints `ready` when watching.

    To be called in the main thread. ConfigurationError or BusyError before anything was started.
    """
    log_to_service()
    expect_openat2()
    share_memory_among_threads()
    settings = load(file)
    set_process_name("goodhoster")
    terms = terms_of(settings)
    with only_daemon(make_state_dir(settings.state_dir)), running_supervisor(settings, terms.commands) as supervisor:
        privileged = PrivilegedProcesses(supervisor, give_up(terms, settings.state_dir))
        signals = _Signals()
        try:
            _serve_until_ended(settings, signals, privileged)
        finally:
            notify_systemd("STOPPING=1")


def _serve_until_ended(settings: Settings, signals: _Signals, privileged: PrivilegedProcesses) -> None:
    """Serve one configuration after the other.

    A new one that cannot be served gives way to the one before it.
    """
    before: Settings | None = None
    while True:
        try:
            new = _serve(settings, signals, privileged)
        except GoodhosterError as error:
            if before is None:
                raise
            _log.critical(
                "the new configuration cannot be used, returning to the one before: %s; %s", error, error.hint
            )
            settings, before = before, None
            continue
        if new is None:
            return
        settings, before = new, settings


def _serve(settings: Settings, signals: _Signals, privileged: PrivilegedProcesses) -> Settings | None:
    """Serve one configuration. Returns the next one, or None at the end."""
    mover = mover_of(settings)
    with daemon_services(settings, mover, privileged.supervisor.starter) as services:
        services.make_all()
        daemon = Daemon(services, mover, privileged)
        try:
            daemon.start()
            print("ready", flush=True)  # noqa: T201 - what starts us waits for this line
            notify_systemd(f"READY=1\nSTATUS={daemon.summary()}")
            while (received := signals.next(_TICK)) in {None, signal.SIGHUP}:
                privileged.supervisor.expect_alive()
                daemon.tick()
                notify_systemd("WATCHDOG=1")
                if daemon.mode_changed() or daemon.trees_changed():
                    notify_systemd(reloading())
                    return settings
                if received is None:
                    continue
                notify_systemd(reloading())
                if new := _reload(settings):
                    return new
                notify_systemd("READY=1\nSTATUS=the configuration stays as it was: see the journal")
            return None
        finally:
            daemon.stop()


def _reload(settings: Settings) -> Settings | None:
    """The configuration as it is now; None when it cannot be used.

    The log says why.
    """
    try:
        new = load(settings.file)
        check_whole(new)
    except GoodhosterError as error:
        for each in error.all if isinstance(error, ConfigurationError) else (error,):
            _log.error("the configuration stays as it was: %s; %s", each, each.hint)
        return None
    if new.state_dir != settings.state_dir:
        _log.error("the configuration stays as it was: agent.state_dir can only change with a restart")
        return None
    if terms_of(new) != terms_of(settings):
        _log.error("the configuration stays as it was: %s can only change with a restart", _SETTLED_AT_START)
        return None
    _log.info("the configuration was read again")
    return new


class _Signals:
    """Queue of received signals.

    A SimpleQueue may be filled by a signal handler; an Event could deadlock.
    """

    def __init__(self) -> None:
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._received.put(number))

    def next(self, timeout: float) -> int | None:
        """The next signal, or None when there is none within `timeout` seconds."""
        try:
            return self._received.get(timeout=timeout)
        except queue.Empty:
            return None
