"""What every test of the dashboard may ask for."""

from tests.dashboard.reviewing import reviewed_copy, reviewed_folder
from tests.dashboard.signing import copy_of_signed, empty_folder, open_as, signed_folder

__all__ = ["copy_of_signed", "empty_folder", "open_as", "reviewed_copy", "reviewed_folder", "signed_folder"]
