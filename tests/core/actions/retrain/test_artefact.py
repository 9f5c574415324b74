"""A model comes back from its file as it was, and no other file is opened."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.feature_selection import SelectKBest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from core.actions.retrain import artefact
from core.actions.retrain.artefact import TRUSTED, dump, load, save
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.scoring import score
from core.actions.retrain.trainer import train
from core.errors import FileFormatError

SMALL = {"linear": {}, "random_forest": {"n_estimators": 10}, "gradient_boosting": {"max_iter": 10}}
PLANS = [
    (task, estimator, calibration)
    for task in ("binary", "multiclass", "regression")
    for estimator in SMALL
    for calibration in (("none", "sigmoid", "isotonic") if task != "regression" else ("none",))
]


@pytest.fixture(scope="module")
def fitted(schema_of, records) -> Callable[..., object]:
    known: dict[tuple[str, str, str], object] = {}

    def fit(task: str = "binary", estimator: str = "linear", calibration: str = "none") -> object:
        key = (task, estimator, calibration)
        if key not in known:
            recipe = Recipe.from_dict(
                {
                    "estimator": estimator,
                    "hyperparameters": SMALL[estimator],
                    "calibration": calibration,
                    "min_rows": 300,
                }
            )
            known[key] = train(schema_of(task), recipe, records(700, task=task)).pipeline
        return known[key]

    return fit


def write(path: Path, data: bytes) -> tuple[Path, str]:
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


def refused(path: Path, data: bytes) -> str:
    """Why a file isn't opened, although its digest is the recorded one."""
    path, sha256 = write(path, data)
    with pytest.raises(FileFormatError) as caught:
        load(path, sha256=sha256)
    return str(caught.value)


def rewritten(data: bytes, change: Callable[[str, bytes], bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """The same zip with members changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", compression=method) as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return out.getvalue()


@pytest.mark.parametrize("plan", PLANS, ids="-".join)
def test_a_model_comes_back_and_scores_every_row_as_before(schema_of, records, fitted, tmp_path: Path, plan) -> None:
    task, pipeline = plan[0], fitted(*plan)
    kept = save(pipeline, tmp_path / "model.skops")
    data = (tmp_path / "model.skops").read_bytes()
    assert (kept.sha256, kept.n_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    again = load(tmp_path / "model.skops", sha256=kept.sha256)
    frame = records(300, task=task, seed=9)
    before, after = score(pipeline, schema_of(task), frame), score(again, schema_of(task), frame)
    for name, values in before.to_columns().items():
        assert values.tolist() == after.to_columns()[name].tolist()
    assert dump(pipeline) == data, "the same model, the same bytes"
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]


def test_no_type_is_trusted_that_no_model_needs(fitted) -> None:
    used = set()
    for plan in PLANS:
        with zipfile.ZipFile(io.BytesIO(dump(fitted(*plan)))) as file:
            nodes = artefact._nodes(json.loads(file.read("schema.json")))
            used |= {f"{node['__module__']}.{node['__class__']}" for node in nodes}
    assert used | {"numpy.random.PCG64"} == TRUSTED


@pytest.mark.parametrize(
    ("pipeline", "named"),
    [
        (Pipeline([("model", KNeighborsClassifier())]), "sklearn.neighbors._classification.KNeighborsClassifier"),
        (Pipeline([("log", FunctionTransformer(np.log1p))]), "sklearn.preprocessing._function_transformer"),
        (Pipeline([("best", SelectKBest())]), "sklearn.feature_selection._univariate_selection"),
        ({"path": Path("x")}, "pathlib"),
    ],
)
def test_a_file_with_a_foreign_type_is_refused_by_the_type_name_also_one_skops_trusts(
    tmp_path: Path, pipeline: object, named: str
) -> None:
    words = refused(tmp_path / "model.skops", skops.io.dumps(pipeline))
    assert "is not trusted" in words
    assert named in words
    with pytest.raises(FileFormatError, match="the model: holds the type"):
        save(pipeline, tmp_path / "other.skops")
    assert not (tmp_path / "other.skops").exists()


def test_a_type_hidden_deep_in_a_sound_file_is_refused(fitted, tmp_path: Path) -> None:
    def hide(name: str, content: bytes) -> bytes:
        return content.replace(b'"SimpleImputer"', b'"KNNImputer"') if name == "schema.json" else content

    words = refused(tmp_path / "model.skops", rewritten(dump(fitted()), hide))
    assert "holds the type sklearn.impute._base.KNNImputer" in words


def test_a_trusted_type_in_a_form_no_model_has_is_refused(fitted, tmp_path: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        return content.replace(b'"TupleNode"', b'"MethodNode"') if name == "schema.json" else content

    words = refused(tmp_path / "model.skops", rewritten(dump(fitted()), change))
    assert "in the form MethodNode, which is not trusted" in words


class Trap:
    """An object whose unpickling would leave a trace."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("unpickled"),)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "is no skops file" in refused(tmp_path / "model.skops", pickle.dumps(Trap()))
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"estimator = 'linear'"])
def test_what_is_no_skops_file_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path / "model.skops", data) == (
        "model.skops: is no skops file; models are kept in no other format."
    )


def test_a_file_that_is_not_the_one_saved_is_refused_before_it_is_read(fitted, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    kept = save(fitted(), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="isn't the model that was saved: its SHA-256 is"):
        load(path, sha256=kept.sha256)
    with pytest.raises(FileFormatError, match="can't be read: No such file"):
        load(tmp_path / "absent.skops", sha256=kept.sha256)


def test_a_file_over_the_limit_is_refused_when_saved_and_when_loaded(
    fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = save(fitted(), tmp_path / "model.skops")
    monkeypatch.setattr(artefact, "MAX_BYTES", kept.n_bytes - 1)
    with pytest.raises(FileFormatError, match="is larger than the"):
        load(tmp_path / "model.skops", sha256=kept.sha256)
    with pytest.raises(FileFormatError, match="fewer or smaller trees"):
        save(fitted(), tmp_path / "again.skops")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as file:
        file.writestr("1.npy", bytes(50_000_000))
        file.writestr("schema.json", "{}")
    assert len(out.getvalue()) < 100_000
    assert "holds 1.npy compressed" in refused(tmp_path / "model.skops", out.getvalue())


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros(1_000))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("schema.json", "{}")
        file.writestr("1.npy", array.getvalue())
        for place in range(2, 60):  # the directory names the same bytes again and again
            again = zipfile.ZipInfo(f"{place}.npy")
            first = file.getinfo("1.npy")
            again.CRC, again.file_size, again.compress_size = first.CRC, first.file_size, first.compress_size
            again.header_offset = first.header_offset
            file.filelist.append(again)
    assert "members overlap" in refused(tmp_path / "model.skops", out.getvalue())


@pytest.mark.parametrize("shape", [(10**12,), (3, 10**9), (1,)])
def test_an_array_that_promises_more_or_less_than_it_holds_is_refused(fitted, tmp_path: Path, shape) -> None:
    def lie(name: str, content: bytes) -> bytes:
        if name == "schema.json":
            return content
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
        return out.getvalue() + bytes(16)

    words = refused(tmp_path / "model.skops", rewritten(dump(fitted()), lie))
    assert "its header and its content don't fit" in words


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../evil.npy", b"", "holds a member '../evil.npy', which no model has"),
        ("2.npy", b"\x93NUMPY\x09\x00", "is an array of an unknown format"),
        ("2.npy", b"no array", "can't be read as a skops file"),
    ],
)
def test_odd_members_are_refused_by_name(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("schema.json", "{}")
        file.writestr(name, content)
    assert words in refused(tmp_path / "model.skops", out.getvalue())


@pytest.mark.parametrize("schema", ["[" * 100_000, "{", "[]", '{"__class__": "dict"}', '{"protocol": 2}'])
def test_a_broken_description_is_refused_without_a_crash(tmp_path: Path, schema: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("schema.json", schema)
    assert refused(tmp_path / "model.skops", out.getvalue()).startswith("model.skops: ")


def test_a_model_of_another_scikit_learn_is_refused_patches_aside(fitted, tmp_path: Path) -> None:
    import sklearn

    major, minor = sklearn.__version__.split(".")[:2]

    def fitted_by(version: str) -> bytes:
        old = sklearn.__version__.encode()
        return rewritten(dump(fitted()), lambda _, content: content.replace(old, version.encode()))

    path, sha256 = write(tmp_path / "patch.skops", fitted_by(f"{major}.{minor}.99"))
    assert load(path, sha256=sha256).named_steps["model"].classes_.tolist() == ["no", "yes"]
    words = refused(tmp_path / "minor.skops", fitted_by(f"{major}.{int(minor) - 1}.0"))
    assert f"was trained with scikit-learn {major}.{int(minor) - 1}.0 and may score differently" in words


def test_what_lay_in_memory_between_the_fields_of_a_tree_is_not_kept() -> None:
    kind = np.dtype([("left", "<i8"), ("missing_left", "u1")], align=True)
    assert kind.itemsize > 9, "there are gaps"
    kept = []
    for garbage in (0, 255):
        nodes = np.frombuffer(bytes([garbage]) * kind.itemsize * 5, dtype=kind).copy()
        nodes["left"], nodes["missing_left"] = np.arange(5), 1
        out = io.BytesIO()
        np.save(out, nodes)
        kept.append(artefact._without_gaps(out.getvalue()))
    assert kept[0] == kept[1]
    assert np.load(io.BytesIO(kept[0]))["left"].tolist() == [0, 1, 2, 3, 4]
