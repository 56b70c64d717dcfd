"""The stand-in gateway as a process of its own, for those who are in other processes.

    python -m tests.sms.stand_in_process --seed 7

It prints one line of JSON, its ``base_url`` and where it is controlled (see ``stand_in_control``),
and serves until SIGTERM.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sms.stand_in_control import Control, Controls, ControlServer
from tests.sms.stand_in_gateway import StandInGateway

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class RunningStandIn:
    """A stand-in in a process of its own."""

    base_url: str
    control: Control


@contextmanager
def stand_in_process(seed: int = 0) -> Iterator[RunningStandIn]:
    """Start one, and end it at the end of the block."""
    command = [sys.executable, "-m", "tests.sms.stand_in_process", "--seed", str(seed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield RunningStandIn(told["base_url"], Control(told["control_url"]))
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sms.stand_in_process", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", type=int, default=0, help="of the gateway; 0: a free one")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of what befalls each text")
    options = parser.parse_args()
    is_ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: is_ended.set())
    with StandInGateway(options.port) as gateway:
        server = ControlServer(Controls(gateway, options.seed), options.control_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        control_url = f"http://127.0.0.1:{server.server_port}"
        print(json.dumps({"base_url": gateway.base_url, "control_url": control_url}), flush=True)
        is_ended.wait()


if __name__ == "__main__":
    main()
