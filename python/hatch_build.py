"""Puts the program into the wheel, beside the package that calls it.

SYSTAPE_WHEEL_BINARY names the program, SYSTAPE_WHEEL_TAG the platform that it
is for. Without them the wheel has the package alone.
"""

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        binary = os.environ.get("SYSTAPE_WHEEL_BINARY")
        if not binary:
            return
        name = "systape.exe" if binary.endswith(".exe") else "systape"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + os.environ["SYSTAPE_WHEEL_TAG"]
        build_data["shared_scripts"] = {binary: name}
