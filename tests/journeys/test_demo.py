import json
import subprocess
from pathlib import Path

from goodhoster_agent.demo.story import SCENES
from tests.journeys.host import GOODHOSTER


def test_every_scene_of_the_demo_goes_as_promised(tmp_path: Path) -> None:
    done = subprocess.run(
        (*GOODHOSTER, "demo", "--dir", str(tmp_path), "--json"), capture_output=True, text=True, check=False
    )
    played = [json.loads(line) for line in done.stdout.splitlines()]
    assert [scene["title"] for scene in played if scene["ok"]] == [scene.title for scene in SCENES], done.stdout
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"
