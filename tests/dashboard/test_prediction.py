"""The Prediction page: one id, and all that is kept of it, for whoever may audit."""

from __future__ import annotations

from pathlib import Path

from tests.dashboard.signing import MODEL, OpenAs, words


def test_a_prediction_stands_with_its_approval_its_label_and_its_record(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("alma", "prediction", signed_folder, model=MODEL, id="p7")
    assert not page.exception
    text = words(page)
    assert "v1 said" in text
    assert "No version was in force then: nobody had signed." in text
    assert "No alert was open then." in text
    assert "amount" in text
    page.text_input(key="id").set_value("nothing like it")
    page = next(button for button in page.button if button.label == "Look up").click().run()
    assert not page.exception
    assert f"No prediction 'nothing like it' of {MODEL} in 3 batches" in words(page)


def test_viewers_are_told_that_records_are_of_people(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "prediction", signed_folder, model=MODEL, id="p7")
    assert not page.exception
    assert "Single records are of people: that is for " in words(page)
    assert "amount" not in words(page)
