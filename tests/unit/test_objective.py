"""The climbing itself, with a family whose value says what it was trained on."""

from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest

from hpo.data import Dataset
from hpo.definition import parse
from hpo.errors import DefinitionError
from hpo.models import Climb, Model
from hpo.objective import build_objective


@dataclass(frozen=True, kw_only=True)
class Params:
    rate: float = 1.0
    epochs: int = 4


GROWING = Model(Params=Params, training=__name__, climb=Climb.SAMPLES)
EPOCHS = Model(Params=Params, training=__name__, climb=Climb.EPOCHS)

fits = []  # the rows and the seed of each call of fit
predictions = []  # the fits before each call of predict, and what it was to predict with


@pytest.fixture(autouse=True)
def _forget_calls():
    fits.clear()
    predictions.clear()


def fit(params, task, X, y, seed, on_step=None):  # noqa: ARG001 - the contract of a family
    fits.append((X[:, 0].astype(int), seed))
    if not on_step:
        return len(X)
    for epoch in range(1, params.epochs + 1):
        on_step(epoch, epoch)
    return params.epochs


def predict(trained, task, X):  # noqa: ARG001
    """The rows or epochs that it was trained on, and 100 more on the fold that holds row 0."""
    predictions.append((len(fits), trained))
    return np.full(len(X), trained + (100 if 0 in X[:, 0] else 0))


def told(y, predicted):  # noqa: ARG001
    return float(predicted[0])


def dataset(rows=90, classes=3):
    y = np.arange(rows) % classes
    X = np.column_stack([np.arange(rows), y]).astype(np.float32)
    return Dataset(X=X, y=y, shape=None, source="rows.npy")


def objective(model, rows=None, seed=0, **evaluation):
    content = {
        "name": "fake",
        "model": f"{__name__}:{model}",
        "seed": seed,
        "data": {"train": "rows.npy"},
        "evaluation": evaluation or {"folds": 3},
        "space": {"rate": {"low": 0.1, "high": 1}, "epochs": [2, 4]},
        "budget": {"trials": 1},
    }
    built = build_objective(parse(content, "my.toml"), rows or dataset(), "my.toml")
    return replace(built, metric=told)


def climbed(objective, params, done=()):
    """What was reported, as (step, value), and the value at the end."""
    reports = []

    def report(step, value):
        if step not in done:
            reports.append((step, value()))

    value = objective.evaluate(params, report)
    return reports, value


def extra(objective):
    """What each fold has on top of the others."""
    return [100 if 0 in valid else 0 for _, valid in objective.splits]


@pytest.mark.parametrize(
    ("epochs", "steps"),
    [(4, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), (2, [1, 2, 5, 6, 9, 10])],
)
def test_an_epoch_has_the_same_step_in_all_trials(epochs, steps):
    reports, _ = climbed(objective("EPOCHS"), Params(epochs=epochs))
    assert [step for step, _ in reports] == steps


def test_samples_grow_in_the_first_fold_only():
    reports, _ = climbed(objective("GROWING"), Params())
    assert [step for step, _ in reports] == [1, 3, 9, 18, 27]
    assert [len(rows) for rows, _ in fits] == [7, 20, 60, 60, 60]


def test_epochs_report_the_first_fold_as_it_climbs_then_the_mean_of_the_finished_folds():
    o = objective("EPOCHS")
    a, b, c = extra(o)
    assert climbed(o, Params(epochs=3))[0] == [
        (1, a + 1),
        (2, a + 2),
        (3, a + 3),
        (5, a + 3),
        (6, a + 3),
        (7, fmean([a + 3, b + 3])),
        (9, fmean([a + 3, b + 3])),
        (10, fmean([a + 3, b + 3])),
        (11, fmean([a + 3, b + 3, c + 3])),
    ]


def test_a_further_fold_predicts_nothing_before_its_end():
    climbed(objective("EPOCHS"), Params(epochs=3))
    assert predictions == [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]


def test_samples_report_the_mean_of_the_finished_folds():
    o = objective("GROWING")
    a, b, c = extra(o)
    assert climbed(o, Params())[0] == [
        (1, a + 7),
        (3, a + 20),
        (9, a + 60),
        (18, fmean([a + 60, b + 60])),
        (27, fmean([a + 60, b + 60, c + 60])),
    ]


@pytest.mark.parametrize("model", ["EPOCHS", "GROWING"])
@pytest.mark.parametrize("evaluation", [{"folds": 3}, {"folds": 2}, {"holdout": 0.3}], ids=str)
@pytest.mark.parametrize("epochs", [2, 4])
def test_the_value_is_the_mean_of_the_folds_and_the_last_report(model, evaluation, epochs):
    o = objective(model, **evaluation)
    params = Params(epochs=epochs)
    reports, value = climbed(o, params)
    full = [epochs if model == "EPOCHS" else len(train) for train, _ in o.splits]
    assert value == fmean(map(sum, zip(full, extra(o), strict=True)))
    assert reports[-1] == (o.last_step_of(params), value)
    assert o.last_step_of(params) <= o.last_step


@pytest.mark.parametrize(("model", "last"), [("EPOCHS", 12), ("GROWING", 27)])
def test_the_last_step_is_that_of_the_longest_trial(model, last):
    o = objective(model)
    assert o.last_step == last
    assert o.last_step_of(Params(epochs=4)) == last


def test_samples_that_are_done_are_neither_trained_nor_reported_again():
    reports, value = climbed(objective("GROWING"), Params(), done={1, 3})
    assert [step for step, _ in reports] == [9, 18, 27]
    assert [len(rows) for rows, _ in fits] == [60, 60, 60]
    assert value == climbed(objective("GROWING"), Params())[1]


def test_a_fold_that_is_done_is_not_reported_again_but_counts():
    reports, value = climbed(objective("GROWING"), Params(), done={1, 3, 9})
    assert [step for step, _ in reports] == [18, 27]
    assert [len(rows) for rows, _ in fits] == [60, 60, 60]
    assert value == climbed(objective("GROWING"), Params())[1]


def test_epochs_that_are_done_are_not_reported_again():
    everything, value = climbed(objective("EPOCHS"), Params(epochs=4))
    reports, again = climbed(objective("EPOCHS"), Params(epochs=4), done=range(1, 7))
    assert reports == everything[6:]
    assert again == value


@pytest.mark.parametrize("model", ["EPOCHS", "GROWING"])
@pytest.mark.parametrize("at", [1, 9])
def test_what_report_raises_ends_the_trial_there(model, at):
    heard = []

    def report(step, value):  # noqa: ARG001
        heard.append(step)
        if step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objective(model).evaluate(Params(epochs=4), report)
    assert heard[-1] == at


def test_samples_are_nested_and_hold_each_class_alike():
    climbed(objective("GROWING", dataset(600)), Params())
    ninth, third, whole = (set(rows) for rows, _ in fits[:3])
    assert ninth < third < whole
    for sample in (ninth, third, whole):
        counts = np.bincount([row % 3 for row in sample])
        assert counts.max() - counts.min() <= 1


def test_samples_keep_the_shares_of_uneven_classes():
    y = np.repeat([0, 1], [540, 60])
    rows = Dataset(X=np.column_stack([np.arange(600), y]), y=y, shape=None, source="")
    climbed(objective("GROWING", rows, holdout=0.25), Params())
    assert [np.bincount(y[rows]).tolist() for rows, _ in fits] == [[45, 5], [135, 15], [405, 45]]


def test_samples_are_not_the_first_rows():
    climbed(objective("GROWING"), Params())
    assert fits[0][0].max() > 45


@pytest.mark.parametrize("model", ["EPOCHS", "GROWING"])
def test_no_fold_is_judged_on_rows_that_it_was_trained_on(model):
    o = objective(model)
    climbed(o, Params())
    for (rows, _), (_, valid) in zip(fits[-3:], o.splits, strict=True):
        assert not set(rows) & set(valid)
        assert len(rows) + len(valid) == 90


def test_every_step_of_a_trial_has_the_same_seed():
    o = objective("GROWING")
    climbed(o, Params())
    assert {seed for _, seed in fits} == {o.seed_of(Params())}


def test_the_seed_depends_on_the_parameters_and_the_study_alone():
    o = objective("GROWING")
    assert o.seed_of(Params(rate=0.5)) == objective("EPOCHS").seed_of(Params(rate=0.5))
    seeds = {o.seed_of(Params(rate=rate)) for rate in (0.1, 0.2, 0.3)}
    seeds |= {objective("GROWING", seed=1).seed_of(Params(rate=0.1))}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_same_study_splits_and_samples_the_same():
    climbed(objective("GROWING"), Params())
    climbed(objective("GROWING"), Params())
    for first, second in zip(fits[:5], fits[5:], strict=True):
        np.testing.assert_array_equal(first[0], second[0])


def test_another_study_seed_splits_otherwise():
    (_, first), *_ = objective("GROWING").splits
    (_, second), *_ = objective("GROWING", seed=1).splits
    assert set(first) != set(second)


@pytest.mark.parametrize(
    ("evaluation", "share"),
    [({"folds": 3}, Fraction(1, 3)), ({"holdout": 0.3}, Fraction(3, 10))],
    ids=str,
)
def test_the_definition_says_how_much_is_held_out(evaluation, share):
    for train, valid in objective("GROWING", **evaluation).splits:
        assert len(valid) == share * 90
        assert len(train) == 90 - len(valid)


def test_the_metric_is_the_definition_s(content, dataset):
    content["evaluation"]["metric"] = "error_rate"
    o = build_objective(parse(content, "my.toml"), dataset, "my.toml")
    assert o.metric(np.array([1, 1, 1, 0]), np.array([1, 1, 1, 1])) == 0.25


def test_the_task_says_what_rows_are(content, dataset):
    task = build_objective(parse(content, "my.toml"), dataset, "my.toml").task
    assert (task.shape, task.classes, task.transposed) == ((36,), (2, 5, 9), False)
    content["data"] |= {"shape": [6, 3, 2], "transposed": True}
    task = build_objective(parse(content, "my.toml"), dataset, "my.toml").task
    assert (task.shape, task.transposed) == ((6, 3, 2), True)


def refusal(content, rows):
    with pytest.raises(DefinitionError) as refused:
        build_objective(parse(content, "my.toml"), rows, "my.toml")
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_model_of_images_needs_their_shape(cnn_content, dataset):
    del cnn_content["data"]["shape"]
    assert refusal(cnn_content, dataset) == (
        "my.toml: data.shape: is missing; cnn needs [height, width, channels]"
    )


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_holdout_that_leaves_a_class_out_is_refused(content, dataset, share):
    content["evaluation"]["holdout"] = share
    message = refusal(content, dataset)
    assert message.startswith(f"my.toml: evaluation.holdout: {share} of 90 rows is not valid: ")


def test_a_real_trial_climbs_to_the_value_of_its_folds(content, dataset):
    content["evaluation"] = {"folds": 3}
    o = build_objective(parse(content, "my.toml"), dataset, "my.toml")
    params = o.space.Params(components=4, whiten=False, kernel="rbf", C=10.0)
    reports, value = climbed(o, params)
    assert [step for step, _ in reports] == [1, 3, 9, 18, 27]
    assert reports[-1][1] == value
    assert 0.5 < value <= 1
    assert climbed(o, params) == (reports, value)
