"""The Data page as a person uses it: upload, say what for, check, confirm."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from streamlit.testing.v1 import AppTest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from dashboard.components.upload import KEY, Flow, Use
from tests.builders import HEADER, SCHEMA, rows, write_csv

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")


def workspace_with_reference(folder: Path, *, n: int = 600, days: int = 10) -> Path:
    """A workspace whose model m has a reference."""
    space = Workspace.open(folder / "workspace")
    space.models.add(ME, "m", SCHEMA)
    file = write_csv(folder / "reference.csv", rows(n, days=days, prefix="ref"))
    space.records.add(ME, "m", [file], role=BatchRole.REFERENCE)
    space.profiles.refresh(ME, "m")
    space.close()
    return folder / "workspace"


def as_csv(table: Iterable[Sequence[object]], header: Sequence[str] = HEADER, *, delimiter: str = ",") -> bytes:
    """A CSV file's bytes; no cell may hold the delimiter."""
    text = io.StringIO()
    for row in [header, *table]:
        text.write(delimiter.join(map(str, row)) + "\n")
    return text.getvalue().encode()


class DataPage:
    """The app, opened on its Data page."""

    def __init__(self, **parameters: str) -> None:
        self.at = AppTest.from_file(APP, default_timeout=30)
        for name, value in parameters.items():
            self.at.query_params[name] = value
        self.open("data")

    def open(self, view: str) -> DataPage:
        """Go to a page."""
        self.at.switch_page(f"views/{view}.py").run()
        return self.sound()

    def sound(self) -> DataPage:
        """The page itself, which may show a message and never an exception."""
        assert not self.at.exception, self.at.exception[0].value
        return self

    @property
    def words(self) -> str:
        """All that the page says, without the marks that keep Markdown from reading it."""
        at = self.at.main
        said = [*(m.value for m in at.markdown), *(m.value for m in at.error), *(m.value for m in at.subheader)]
        for table in at.table:
            said += [*map(str, table.value.columns), *table.value.astype(str).to_numpy().ravel()]
        return "\n".join(said).replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")

    @property
    def errors(self) -> str:
        """What the page says is wrong."""
        return "\n".join(error.value for error in self.at.error).replace("\\", "").replace("\u2060", "")

    @property
    def flow(self) -> Flow:
        """The file on its way in."""
        return self.at.session_state[KEY]

    def press(self, key: str) -> DataPage:
        """Press a button."""
        self.at.button(key=key).click().run()
        return self.sound()

    def show(self, what: str) -> DataPage:
        """Show what came in, or bring in data."""
        self.at.button_group(key="show").set_value(what).run()
        return self.sound()

    def upload(self, name: str, content: bytes) -> DataPage:
        """Step 1."""
        if not self.at.file_uploader.len:
            self.show("Bring in data")
        self.at.file_uploader[0].upload(name, content).run()
        return self.sound()

    def say(self, use: Use, *, name: str = "", version: str = "") -> DataPage:
        """Step 2."""
        self.at.radio(key="intake_use").set_value(use).run()
        if name:
            self.at.text_input(key="intake_name").set_value(name).run()
        if version:
            self.at.selectbox(key="intake_version").set_value(version).run()
        return self.press("intake_continue")

    def check(self) -> DataPage:
        """Step 3."""
        return self.press("intake_check")

    def confirm(self) -> DataPage:
        """Step 4."""
        return self.press("intake_confirm")

    def has(self, key: str) -> bool:
        """Whether there is a button of this key."""
        return any(button.key == key for button in self.at.button)

    def bring(self, name: str, content: bytes, use: Use = Use.PRODUCTION) -> DataPage:
        """All steps."""
        return self.upload(name, content).say(use).check().confirm()
