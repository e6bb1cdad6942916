"""What hpo adds to optuna-dashboard's answers: notes, and figures among a trial's files.

The dashboard is a Bottle application, and this is a plugin that wraps its routes. Nothing of it is
stored.
"""

import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import bottle
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import listed
from hpo.dashboard import note
from hpo.errors import (
    ArtifactError,
    DatabaseError,
    HpoError,
    MissingArtifactError,
    StudyError,
)
from hpo.evaluation import FILE, MOST_BYTES, Evaluation
from hpo.storage.database import Database
from hpo.storage.failures import database_errors
from hpo.storage.keys import CHECKPOINT, DEFINITION
from hpo.study import StoredStudy, best_trials, delete, load_study

if TYPE_CHECKING:
    from hpo.dashboard.figures import Curve

STUDY = "/api/studies/<study_id:int>"
RENAME = f"{STUDY}/rename"
NOTES = (f"{STUDY}/note", f"{STUDY}/<trial_id:int>/note")
ARTIFACT = "/artifacts/<study_id:int>/<trial_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"
FRESH = 5.0  # seconds for which a note is reused
MOST_IMAGES = 64  # in the cache

MAY_WRITE = """
SELECT has_table_privilege('study_system_attributes', 'INSERT')
    AND has_table_privilege('study_system_attributes', 'UPDATE')
"""

# The figures appear as files of a trial; the dashboard's URLs need hexadecimal ids.
CURVE, CONFUSION, MISTAKES = "learning-curve.png", "confusion-matrix.png", "misclassified.png"
FIGURES = {name.encode().hex(): name for name in (CURVE, CONFUSION, MISTAKES)}

IMAGE, BYTES = "image/png", "application/octet-stream"
UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)

READS = "the dashboard's role in the database may only read"

Route = Callable[..., Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Note:
    text: str
    written_at: float  # by time.monotonic(); infinity while it is being written again


@dataclass
class Additions:
    """A Bottle plugin for the dashboard of one database."""

    database: Database
    artifacts: Artifacts
    _notes: dict[int, _Note] = field(default_factory=dict)
    _images: dict[tuple[Any, ...], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def apply(self, callback: Route, route: bottle.Route) -> Route:
        """Wrap the callback of a route that hpo adds to; return others as they are."""
        wrappers: dict[tuple[str, str], Route] = {
            ("GET", STUDY): self._study,
            ("GET", ARTIFACT): self._artifact,
            ("POST", RENAME): self._rename,
            ("DELETE", STUDY): self._delete,
            **{("PUT", rule): self._save_note for rule in NOTES},
        }
        wrapper = wrappers.get((route.method, route.rule))
        if wrapper is None:
            return callback
        return functools.wraps(callback)(functools.partial(wrapper, callback))

    def _study(self, callback: Route, study_id: int) -> Any:
        answer = callback(study_id)
        if "trials" not in answer:
            return answer  # an error
        is_ours = any(attr["key"] == DEFINITION for attr in answer["user_attrs"])
        kept = self._checkpoints(study_id)
        for trial in (*answer["trials"], *answer["best_trials"]):
            _add_figures(trial)
            if trial["trial_id"] in kept:
                trial["artifacts"].append(_checkpoint(kept[trial["trial_id"]]))
            if is_ours and (of_trial := _note_of(trial)):
                _add_note(trial, of_trial)
                trial["user_attrs"] = note.unnoted(trial["user_attrs"])
        if is_ours and (of_study := self._note_of(study_id)):
            _add_note(answer, of_study)
        return answer

    def _save_note(self, callback: Route, **ids: int) -> Any:
        """Save a note without hpo's part, which the browser sends back with it."""
        if not self._may_write():
            return _refused(READS)
        sent = bottle.request.json
        if isinstance(sent, dict) and isinstance(sent.get("body"), str):
            sent["body"] = note.theirs_of(sent["body"])
        return callback(**ids)

    def _rename(self, callback: Route, study_id: int) -> Any:
        """Refuse to rename a study of hpo, whose locks and files depend on its name.

        The dashboard would copy the study and delete it while workers use it.
        """
        if self._is_ours(study_id):
            return _refused("a study of hpo keeps the name that its definition says")
        return callback(study_id)

    def _delete(self, callback: Route, study_id: int) -> Any:
        """Delete a study of hpo as `hpo delete` does, with its checkpoints."""
        if not self._is_ours(study_id):
            return callback(study_id)
        if not self._may_write():
            return _refused(READS)
        name = self.database.storage.get_study_name_from_id(study_id)
        try:
            delete(self.database, name, self.artifacts)
        except StudyError:  # somebody else was quicker
            bottle.response.status = 404
            return {"reason": f'there is no study "{name}" any more'}
        except ArtifactError as error:
            log.warning('files of the deleted study "%s" are left over: %s', name, error)
        bottle.response.status = 204
        return {}

    def _is_ours(self, study_id: int) -> bool:
        try:
            with database_errors():
                return DEFINITION in self.database.storage.get_study_user_attrs(study_id)
        except KeyError:  # there is no such study
            return False

    def _may_write(self) -> bool:
        with database_errors(), self.database.engine.connect() as connection:
            return bool(connection.scalar(text(MAY_WRITE)))

    def _checkpoints(self, study_id: int) -> dict[int, Mapping[str, Any]]:
        """Return the checkpoints of trials that have not ended, by trial id."""
        try:
            with database_errors():
                trials = self.database.storage.get_all_trials(study_id, False, UNFINISHED)
        except (DatabaseError, KeyError) as error:
            log.debug("no checkpoints of study %d: %s", study_id, error)
            return {}
        return {_id(t): kept for t in trials if (kept := t.system_attrs.get(CHECKPOINT))}

    def _artifact(self, callback: Route, study_id: int, trial_id: int, artifact_id: str) -> Any:
        try:
            if artifact_id.lower() not in FIGURES:
                kept = self._checkpoints(study_id).get(trial_id)
                if kept and kept["artifact"].encode().hex() == artifact_id.lower():
                    return _answer(self.artifacts.open(kept["artifact"]), BYTES)
                return callback(study_id, trial_id, artifact_id)
            image = self._figure(study_id, trial_id, FIGURES[artifact_id.lower()])
        except (ArtifactNotFound, MissingArtifactError, KeyError):
            return bottle.HTTPResponse("Not Found", 404)
        except ArtifactError as error:
            log.warning("%s", error)
            return bottle.HTTPResponse("This file can't be read", 502)
        return _answer(image, IMAGE)

    def _note_of(self, study_id: int) -> str:
        """Return the note of a study, empty unless hpo created it.

        An old note is returned as it is and refreshed in the background: with thousands of trials
        that takes a while, and no request should wait for it.
        """
        with self._lock:
            known = self._notes.get(study_id)
            is_old = known is not None and time.monotonic() - known.written_at > FRESH
            if known is not None and is_old:
                self._notes[study_id] = replace(known, written_at=math.inf)
        if known is None:
            return self._write_note(study_id)
        if is_old:
            threading.Thread(target=self._refresh_note, args=(study_id, known), daemon=True).start()
        return known.text

    def _refresh_note(self, study_id: int, known: _Note) -> None:
        try:
            self._write_note(study_id)
        except BaseException:
            with self._lock:  # the next request tries again
                self._notes[study_id] = known
            raise

    def _write_note(self, study_id: int) -> str:
        try:
            with database_errors():
                text = note.study_note(self._load(study_id))
        except HpoError as error:  # it is gone, or the database is away
            log.debug("no note for study %d: %s", study_id, error)
            text = ""
        with self._lock:
            self._notes[study_id] = _Note(text, time.monotonic())
        return text

    def _load(self, study_id: int) -> StoredStudy:
        with database_errors():
            return load_study(self.database, self.database.storage.get_study_name_from_id(study_id))

    def _figure(self, study_id: int, trial_id: int, name: str) -> bytes:
        """Return a figure of a trial, from the cache if nothing in it has changed.

        Raises:
            KeyError: there is no such trial or figure.
        """
        with database_errors():
            trial = self.database.storage.get_trial(trial_id)
        version = (trial.state, len(trial.intermediate_values), trial.datetime_complete)
        curve = self._curve(study_id, trial) if name == CURVE else None
        key = (study_id, trial_id, name, version, curve and curve.best_title)
        with self._lock:
            found = self._images.get(key)
        if found is None:
            found = self._draw(trial, name, curve)
            with self._lock:
                if len(self._images) >= MOST_IMAGES:
                    self._images.clear()
                self._images[key] = found
        return found

    def _draw(self, trial: FrozenTrial, name: str, curve: "Curve | None") -> bytes:
        from hpo.dashboard import figures  # noqa: PLC0415 - Matplotlib, which takes a second

        if curve is not None:
            return figures.learning_curve(curve)
        draw = figures.confusion_matrix if name == CONFUSION else figures.mistakes
        return draw(_title(trial), self._evaluation(trial))

    def _curve(self, study_id: int, trial: FrozenTrial) -> "Curve":
        from hpo.dashboard.figures import Curve  # noqa: PLC0415

        title = _title(trial)
        try:
            stored = self._load(study_id)
        except HpoError:  # not a study of hpo
            return Curve(title=title, metric="value", values=trial.intermediate_values)
        best = next(iter(best_trials(stored)), None)
        is_other = best is not None and best.number != trial.number
        return Curve(
            title=title,
            metric=stored.definition.evaluation.metric,
            values=trial.intermediate_values,
            best_title=f"the best, trial {best.number}" if best and is_other else "",
            best=best.intermediate_values if best and is_other else None,
            folds=_ends_of_folds(stored),
        )

    def _evaluation(self, trial: FrozenTrial) -> Evaluation:
        kept = listed(trial.system_attrs, FILE)
        if kept is None:
            raise KeyError(FILE)
        with self.artifacts.open(kept) as file:
            content = file.read(MOST_BYTES + 1)
        try:
            return Evaluation.read(content)
        except ValueError as error:
            raise ArtifactError(f"{kept}: this is no evaluation: {error}") from error


def _refused(reason: str) -> dict[str, str]:
    bottle.response.status = 403
    return {"reason": reason}


def _add_figures(trial: dict[str, Any]) -> None:
    """Add figures to the files of a trial in the dashboard's answer."""
    files: list[Mapping[str, Any]] = trial["artifacts"]
    known = [CURVE] if trial["intermediate_values"] else []
    if any(file["filename"] == FILE for file in files):
        known += [CONFUSION, MISTAKES]
    trial["artifacts"] = [*(_as_file(name, name, IMAGE) for name in known), *files]


def _note_of(trial: Mapping[str, Any]) -> str:
    return note.trial_note({attr["key"]: attr["value"] for attr in trial["user_attrs"]})


def _as_file(artifact: str, name: str, mimetype: str) -> dict[str, str | None]:
    return {
        "artifact_id": artifact.encode().hex(),
        "filename": name,
        "mimetype": mimetype,
        "encoding": None,
    }


def _checkpoint(kept: Mapping[str, Any]) -> dict[str, str | None]:
    return _as_file(kept["artifact"], f"checkpoint-fold-{kept['fold'] + 1}.npz", BYTES)


def _answer(content: Any, mimetype: str) -> bottle.HTTPResponse:
    return bottle.HTTPResponse(content, headers={"Content-Type": mimetype})


def _id(trial: FrozenTrial) -> int:
    return trial._trial_id  # noqa: SLF001 - the dashboard identifies trials by it


def _add_note(shown: dict[str, Any], ours: str) -> None:
    shown["note"] = {**shown["note"], "body": note.joined(ours, shown["note"]["body"])}


def _title(trial: FrozenTrial) -> str:
    value = f", {trial.value:.4f}" if trial.value is not None else ""
    return f"trial {trial.number}, {trial.state.name.lower()}{value}"


def _ends_of_folds(stored: StoredStudy) -> Sequence[int]:
    folds = stored.definition.evaluation.folds or 1
    of_each = stored.ladder.last // folds
    return [of_each * number for number in range(1, folds)]
