"""Score, decision, label and losses of one record as Ibis expressions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from core.profile.arithmetic import Total, minus, power, times
from core.profile.engines import LOG_LOSS_EPSILON
from core.profile.expressions import as_text, indicator, is_finite, named_code, numeric_bin, place_of, ratio
from core.profile.spec import ProfileSpec
from core.record import EXPLORED as IS_EXPLORED
from core.record import LABEL, PREDICTION, WEIGHT, score_columns
from core.schema import ModelSchema, Task
from core.stats.binning import Special

__all__ = ["OutcomeRow"]

Expression = Any
USABLE, ERROR, CENTRED, RELATIVE, LOG_ERROR, LOG_LOSS, WEIGHED, BOTH = (  # columns of a stage, never stored
    f"@@{name}" for name in ("usable", "error", "centred", "relative", "log_error", "log_loss", "weighed", "both")
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeRow:
    """The codes and summands of one record, as expressions."""

    spec: ProfileSpec
    schema: ModelSchema
    records: Expression

    @classmethod
    def of(cls, spec: ProfileSpec, schema: ModelSchema, records: Expression) -> OutcomeRow:
        """The row of a table's records, with the columns that several sums are made of."""
        return cls(spec=spec, schema=schema, records=records)._staged()

    @property
    def has_losses(self) -> bool:
        """Whether it is a binary model's with scores."""
        return self.schema.task is Task.BINARY and "" in self.spec.scores

    @property
    def is_regression(self) -> bool:
        """Whether it is a regression's."""
        return self.schema.task is Task.REGRESSION

    @property
    def score(self) -> Expression:
        """What the model believed; NaN where the log has no score."""
        import ibis

        name = PREDICTION if self.is_regression else score_columns(self.schema).get("", "")
        return self.records[name] if name else ibis.literal(math.nan)

    @property
    def prediction(self) -> Expression:
        """The place of the decision on its axis; of a regression 0 for a finite value, else 1."""
        return self._outcome(PREDICTION)

    @property
    def label(self) -> Expression:
        """The place of what turned out to be true on its axis; of a regression 0 for a finite value, else 1."""
        return self._outcome(LABEL)

    def _outcome(self, column: str) -> Expression:
        value = self.records[column]
        if self.is_regression:
            return is_finite(value).ifelse(0, 1)
        return named_code(value, self.spec.classes, missing=len(self.spec.classes), unknown=len(self.spec.classes))

    @property
    def score_bin(self) -> Expression:
        """The bin of the score."""
        import ibis

        if "" not in self.spec.scores:
            return ibis.literal(int(Special.MISSING))
        return numeric_bin(self.score, self.spec.scores[""])

    def group(self, attribute: str) -> Expression:
        """The group of each record on an attribute's axis, or on a crossing's."""
        import ibis

        if attribute in self.spec.crossings:
            code: Expression = ibis.literal(0)
            for name in self.spec.crossings[attribute]:
                code = code * len(self.spec.group_names(name)) + self.group(name)
            return code
        if not attribute:
            return ibis.literal(0)
        return named_code(as_text(self.records[attribute]), self.spec.groups[attribute])

    @property
    def pooled_score(self) -> Expression:
        """The calibration bin of each score, the one after the last if it has none."""
        import ibis

        if not self.spec.n_calibration_bins:
            return ibis.literal(0)
        return is_finite(self.score).ifelse(self._pooled, self.spec.n_calibration_bins)

    @property
    def _pooled(self) -> Expression:
        """The calibration bin of a finite score: groups end where their last score bin does, the last one nowhere."""
        ends, groups = self.spec.scores[""].ends, self.spec.calibration_groups
        last = [end for end, group, after in zip(ends, groups, groups[1:], strict=False) if group != after]
        return place_of(self.score, last)

    @property
    def calibrated(self) -> list[Total]:
        """What is summed by calibration bin."""
        if self.is_regression:
            error = self.records[ERROR]
            return [Total.of_any(error), Total.of_any(power(error, 2))]
        return [Total.of_small(self.records[USABLE].ifelse(self.score, 0.0))]

    @property
    def losses(self) -> list[Total]:
        """LOSS_SUMS of a binary model with scores, or REGRESSION_SUMS; none for others."""
        if self.is_regression:
            return self._regression_losses
        if not self.has_losses:
            return []
        miss, log_loss = self.records[ERROR], self.records[LOG_LOSS]
        return [Total.of_small(value) for value in (power(miss, 2), power(miss, 4), log_loss, log_loss * log_loss)]

    @property
    def _regression_losses(self) -> list[Total]:
        error, centred, both = self.records[ERROR], self.records[CENTRED], self.records[BOTH]
        predicted, labelled, usable = self.records[PREDICTION], self.records[LABEL], self.records[USABLE]
        relative_error, log_error = self.records[RELATIVE], self.records[LOG_ERROR]
        return [
            Total.of_any(value)
            for value in (
                error,
                error.abs(),
                power(error, 2),
                power(error, 4),
                centred,
                power(centred, 2),
                power(centred, 3),
                power(centred, 4),
                times(both, error),
                power(both, 2),
                indicator(usable & (labelled != 0)),
                relative_error,
                power(relative_error, 2),
                indicator(usable & (labelled >= 0) & (predicted >= 0)),
                power(log_error, 2),
                power(log_error, 4),
            )
        ]

    @property
    def explored(self) -> list[Total]:
        """EXPLORED_SUMS of a record."""
        weight, weighted = self.records[WEIGHED], self.records[BOTH]
        values = (weight, power(weight, 2), weighted, times(weighted, weight), power(weighted, 2))
        return [Total.of_small(indicator(self._is_explored)), *map(Total.of_any, values)]

    @property
    def _is_explored(self) -> Expression:
        import ibis

        said = IS_EXPLORED in self.records.columns
        return self.records[IS_EXPLORED].fill_null(False) if said else ibis.literal(False)

    def _staged(self) -> OutcomeRow:
        """With the columns that several sums are made of: one expression in several would be written out in each."""
        if self.is_regression:
            return self._staged_regression()
        if self.schema.task is Task.MULTICLASS:
            return self
        usable = (self.label < len(self.spec.classes)) & is_finite(self.score)
        staged = self._with(**{USABLE: usable})
        if self.has_losses:
            positive = self.records[LABEL] == self.schema.positive
            low, high = LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON
            clipped = (self.score < low).ifelse(low, (self.score > high).ifelse(high, self.score))
            believed = positive.ifelse(clipped, 1.0 - clipped)
            staged = staged._with(
                **{
                    ERROR: staged.records[USABLE].ifelse(self.score - indicator(positive), 0.0),
                    LOG_LOSS: staged.records[USABLE].ifelse(-believed.ln(), 0.0),
                }
            )
        if self.spec.has_explored:
            said = self._is_explored
            weight = indicator(said)
            if WEIGHT in self.records.columns:
                given = self.records[WEIGHT]
                weight = (said & is_finite(given) & (given > 0)).ifelse(given, weight)
            staged = staged._with(**{WEIGHED: weight})
            score = is_finite(self.score).ifelse(self.score, 0.0)
            staged = staged._with(**{BOTH: times(staged.records[WEIGHED], score)})
        return staged

    def _staged_regression(self) -> OutcomeRow:
        import ibis

        predicted, labelled = self.records[PREDICTION], self.records[LABEL]
        staged = self._with(**{USABLE: is_finite(labelled) & is_finite(predicted)})
        usable = staged.records[USABLE]
        log_error = (1.0 + predicted).ln() - (1.0 + labelled).ln()
        staged = staged._with(
            **{
                ERROR: usable.ifelse(minus(predicted, labelled), 0.0),
                CENTRED: usable.ifelse(minus(labelled, ibis.literal(self.spec.centre)), 0.0),
                LOG_ERROR: (usable & (labelled >= 0) & (predicted >= 0)).ifelse(log_error, 0.0),
            }
        )
        error, centred = staged.records[ERROR], staged.records[CENTRED]
        relative = (usable & (labelled != 0)).ifelse(ratio(error.abs(), labelled.abs()), 0.0)
        return staged._with(**{RELATIVE: relative, BOTH: times(error, centred)})

    def _with(self, **columns: Expression) -> OutcomeRow:
        return replace(self, records=self.records.mutate(**columns))

    def class_scores(self) -> Iterator[tuple[str, Expression]]:
        """Multiclass: each class with its score bin x prediction x label, each another class, this class or none."""
        if self.schema.task is not Task.MULTICLASS:
            return
        for label, name in score_columns(self.schema).items():
            cell = numeric_bin(self.records[name], self.spec.scores[label])
            for column in (PREDICTION, LABEL):
                value = self.records[column]
                known = value.isin(self.spec.classes).fill_null(False)
                cell = cell * 3 + known.ifelse((value == label).ifelse(1, 0), 2)
            yield label, cell
