"""The file a model is kept in: skops, never pickle; named by its content, and opened only if all in it is known.

The same model gives the same bytes: skops names objects by their place in memory and stamps files with
the clock, so both are rewritten here. Members are stored, never compressed, so a small file can't
expand. Only types on a fixed list are built, and only from a file with the digest that was recorded
when it was saved: a list of types can't tell a sound tree from one made to crash.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from core.errors import FileFormatError

__all__ = ["MAX_BYTES", "TRUSTED", "Artefact", "dump", "load", "save"]

MAX_BYTES = 512 * 2**20
MAX_SCHEMA_BYTES = 128 * 2**20
MAX_MEMBERS = 200_000
SCHEMA = "schema.json"
MEMBER = re.compile(r"schema\.json|[0-9]{1,20}\.npy")
YEAR_ZERO = (1980, 1, 1, 0, 0, 0)  # of zip files

TRUSTED = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.slice",
        "builtins.str",
        "builtins.tuple",
        "numpy.dtype",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random.PCG64",
        "numpy.random._generator.Generator",
        "numpy.uint64",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.frozen._frozen.FrozenEstimator",
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._tree.Tree",
    }
)
LOADERS = frozenset(
    {
        "DTypeNode",
        "DictNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "SliceNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A saved model: the SHA-256 of its file in hex, and the file's size."""

    sha256: str
    n_bytes: int


def dump(pipeline: Any) -> bytes:
    """A fitted pipeline as the bytes of its file; the same pipeline gives the same bytes.

    Raises
    ------
    FileFormatError
        If the pipeline holds a type that couldn't be loaded again, or is too large.
    """
    data = _canonical(skops.io.dumps(pipeline))
    _check(data, "the model")
    return data


def save(pipeline: Any, path: Path) -> Artefact:
    """Keep a fitted pipeline in a file, wholly or not at all."""
    data = dump(pipeline)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return Artefact(sha256=hashlib.sha256(data).hexdigest(), n_bytes=len(data))


def load(path: Path, *, sha256: str) -> Any:
    """The pipeline in a file that `save` wrote.

    Parameters
    ----------
    sha256 : str
        The digest that was recorded when the file was saved.

    Raises
    ------
    FileFormatError
        If the file is too large, isn't the one that was saved, or holds a type that isn't trusted.
    """
    name = path.name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileFormatError(f"{name}: can't be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise FileFormatError(f"{name}: is larger than the {_mb(MAX_BYTES)} a model may have.")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FileFormatError(
            f"{name}: isn't the model that was saved: its SHA-256 is {found[:12]}, {sha256[:12]} was recorded."
        )
    _check(data, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # the versions' first two numbers are the same
        try:
            return skops.io.loads(data, trusted=sorted(TRUSTED))
        except Exception as error:  # skops raises whatever the content provokes
            raise FileFormatError(f"{name}: can't be read as a model: {type(error).__name__}: {error}") from error


def _check(data: bytes, name: str) -> None:
    """Raise FileFormatError unless everything in a skops file is on the lists, and no larger than it says."""
    if len(data) > MAX_BYTES:
        raise FileFormatError(
            f"{name}: takes {_mb(len(data))}, more than {_mb(MAX_BYTES)}; fewer or smaller trees need less room."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            _check_members(file.infolist(), len(data), name)
            for member in file.infolist():
                if member.filename != SCHEMA:
                    _check_array(file.read(member), f"{name}: {member.filename}")
            nodes = list(_nodes(json.loads(file.read(SCHEMA))))
    except zipfile.BadZipFile as error:
        raise FileFormatError(f"{name}: is no skops file; models are kept in no other format.") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{name}: can't be read as a skops file: {error}") from error
    for node in nodes:
        _check_version(node, name)
        kind = f"{node.get('__module__')}.{node.get('__class__')}"
        if kind not in TRUSTED:
            raise FileFormatError(f"{name}: holds the type {kind}, which is not trusted.")
        if node.get("__loader__") not in LOADERS:
            raise FileFormatError(f"{name}: holds {kind} in the form {node.get('__loader__')}, which is not trusted.")


def _check_version(node: dict[str, Any], name: str) -> None:
    """Raise FileFormatError if an estimator was fitted by another scikit-learn, patches aside."""
    content = node.get("content")
    version = content.get("_sklearn_version") if isinstance(content, dict) else None
    if isinstance(version, dict):
        fitted = str(version.get("content")).strip('"')
        if fitted.split(".")[:2] != sklearn.__version__.split(".")[:2]:
            raise FileFormatError(
                f"{name}: was trained with scikit-learn {fitted} and may score differently with {sklearn.__version__}, "
                "which is installed; install that version or retrain."
            )


def _check_members(members: list[zipfile.ZipInfo], n_bytes: int, name: str) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS:
        raise FileFormatError(f"{name}: has {len(names):,} members, more than {MAX_MEMBERS:,}; fewer trees have less.")
    if len(set(names)) != len(names) or SCHEMA not in names:
        raise FileFormatError(f"{name}: is no skops file: it needs one {SCHEMA} and no name twice.")
    for member in members:
        if not MEMBER.fullmatch(member.filename):
            raise FileFormatError(f"{name}: holds a member {member.filename!r}, which no model has.")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise FileFormatError(f"{name}: holds {member.filename} compressed; models are stored as they are.")
        if member.filename == SCHEMA and member.file_size > MAX_SCHEMA_BYTES:
            raise FileFormatError(f"{name}: its {SCHEMA} is larger than {_mb(MAX_SCHEMA_BYTES)}.")
    if sum(member.file_size for member in members) > n_bytes:
        raise FileFormatError(f"{name}: holds more than its size, so members overlap.")


def _check_array(data: bytes, name: str) -> None:
    """Raise FileFormatError unless an array's header promises exactly the bytes that follow it."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FileFormatError(f"{name}: is an array of an unknown format.")
    shape, _, dtype = readers[version](file)
    n_items = 1
    for length in shape:
        n_items *= length
    if dtype.hasobject or min(shape, default=0) < 0 or n_items * dtype.itemsize != len(data) - file.tell():
        raise FileFormatError(f"{name}: its header and its content don't fit.")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a skops schema: a mapping that names a class, wherever it stands."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if not {"__class__", "__module__", "__loader__"}.isdisjoint(item):
                yield item
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _canonical(data: bytes) -> bytes:
    """A skops file with objects numbered in their order, nothing between the fields of arrays, and no times."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        tree = json.loads(file.read(SCHEMA))
        numbers: dict[int, int] = {}
        names: dict[str, str] = {}
        for node in _nodes(tree):
            if isinstance(node.get("__id__"), int):
                node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
            if node.get("__loader__") == "NdArrayNode" and isinstance(node.get("file"), str):
                node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.npy")
        members = {new: _without_gaps(file.read(old)) for old, new in names.items()}
    members[SCHEMA] = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_STORED) as file:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=YEAR_ZERO)
            entry.create_system = 3  # what it is on Linux, whatever this runs on
            entry.external_attr = 0o600 << 16
            file.writestr(entry, content)
    return out.getvalue()


def _without_gaps(content: bytes) -> bytes:
    """An array's bytes; between the fields of a tree's nodes lies what was in memory, so that is cleared."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    cleared = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names:
        cleared[field] = array[field]
    out = io.BytesIO()
    np.save(out, cleared, allow_pickle=False)
    return out.getvalue()


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f} MB"
