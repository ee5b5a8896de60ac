"""The abstract model: every schedule of two runs, for the protocols that are safe and for those that are not.

The two-run checks find every known mistake. With `PUBLISHER_MODEL_RUNS=3`, the engine's protocol is enumerated with
three runs too.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.simulation.model import mistakes, naive, protocols
from tests.simulation.model.checker import Rule, check
from tests.simulation.model.environment import Model, OnDuplicate, Protocol, Registry

REJECT = Registry(OnDuplicate.REJECT, has_lookup=True)
UPSERT = Registry(OnDuplicate.UPSERT, has_lookup=True)
APPEND = Registry(OnDuplicate.APPEND, has_lookup=True)
REJECT_RECEIPTS = Registry(OnDuplicate.REJECT, has_lookup=False)
APPEND_RECEIPTS = Registry(OnDuplicate.APPEND, has_lookup=False)

N8_CASES = [(2, registry) for registry in (REJECT, UPSERT, REJECT_RECEIPTS, APPEND_RECEIPTS)]
if os.environ.get("PUBLISHER_MODEL_RUNS") == "3":
    N8_CASES += [(3, REJECT), (3, REJECT_RECEIPTS)]
"""Runs and registry. Three runs take 20 to 40 s a case; all of them together stay below 250 MiB."""

INV, REST, STUCK, ALARM = Rule.INV, Rule.REST, Rule.STUCK, Rule.ALARM

Draft = Callable[[Registry], Protocol]
each_registry = pytest.mark.parametrize("registry", [REJECT, UPSERT, APPEND], ids=str)


def assert_breaks(rules: set[Rule], draft: Draft, registry: Registry = REJECT, *, has_lease: bool = False) -> None:
    """Enumerate two runs of one protocol; exactly `rules` must be broken, or the shortest schedules are shown."""
    assert_model_breaks(rules, Model(registry, (draft(registry),), has_lease=has_lease))


def assert_model_breaks(rules: set[Rule], model: Model) -> None:
    verdict = check(model, 2)
    assert set(verdict.broken) == rules, str(verdict)


@pytest.mark.parametrize("draft", [protocols.write_once_and_help, protocols.adopt_at_first_look])
@pytest.mark.parametrize(("runs", "registry"), N8_CASES, ids=str)
@pytest.mark.timeout(900)
def test_write_once_and_help_is_safe_and_never_stuck(runs: int, draft: Draft, registry: Registry) -> None:
    """Write once + help keeps INV in every schedule, always lets a later run finish, and raises no false alarm."""
    verdict = check(Model(registry, (draft(registry),)), runs, fold=runs > 2)

    assert not verdict.broken, str(verdict)


@pytest.mark.parametrize("registry", [REJECT, UPSERT, APPEND_RECEIPTS], ids=str)
def test_claim_first_is_safe_and_never_stuck(registry: Registry) -> None:
    """Uploads without a condition are safe if a claim pins their bytes and everybody can make these (N10)."""
    assert_breaks(set(), protocols.claim_first, registry)


def test_variant_claim_is_safe_and_never_stuck() -> None:
    """Agreeing on the variant first costs nothing but a request: N8 after it is as safe as before."""
    assert_breaks(set(), protocols.variant_claim)


def test_variant_claim_lets_large_and_small_runs_meet() -> None:
    """A large run and small ones of one identity are safe together if a claim decides the variant for good."""
    large, small = protocols.variant_claim_large(REJECT), protocols.variant_claim_small(REJECT)

    assert_model_breaks(set(), Model(REJECT, (large, small)))


def test_giving_up_on_a_foreign_object_blocks() -> None:
    """A run that died before its registration blocks the version if nobody may register its object (N3)."""
    assert_breaks({STUCK}, protocols.give_up_on_foreign)


def test_without_escrow_orphans_block() -> None:
    """Without escrow nobody can finish for a run that died: safe, but the version is blocked."""
    assert_breaks({STUCK}, protocols.without_escrow)


def test_claim_first_blocks_if_the_bytes_cannot_be_made_again() -> None:
    """A claim whose claimant died before uploading blocks sources that nobody else can seal to the same bytes."""
    assert_breaks({STUCK}, protocols.claim_first_pinned)


@each_registry
def test_the_naive_order_is_unsafe(registry: Registry) -> None:
    """Look up, upload, register breaks INV with every kind of registry (N0)."""
    assert_breaks({INV, REST}, naive.naive, registry)


def test_skipping_an_upload_without_helping_is_unsafe() -> None:
    """An object that is there must not be registered with another run's key (N1); not even a quiet re-run is safe."""
    assert_breaks({INV, REST, STUCK}, naive.head_then_skip)


def test_a_lease_lock_is_unsafe() -> None:
    """A lease lock does not stop late requests: the model must find N2 unsafe."""
    assert_breaks({INV, REST}, naive.lease_lock, has_lease=True)


def test_registering_first_is_unsafe() -> None:
    """A row must not come before its object: a run that dies between them leaves a row without one (N9)."""
    assert_breaks({INV, REST}, naive.register_first)


def test_overwriting_an_unregistered_object_is_unsafe() -> None:
    """An absent row proves nothing while a registration may be under way: overwriting after a 412 breaks INV (N4)."""
    assert_breaks({INV, REST}, mistakes.overwrite_after_refusal)


def test_taking_over_with_if_match_is_unsafe() -> None:
    """If-Match protects the object, not the pair of object and row: taking over with it breaks INV (N5)."""
    assert_breaks({INV, REST}, mistakes.take_over_if_match)


def test_one_legacy_writer_is_enough_to_break_it() -> None:
    """All writers must follow the rules: one naive run among good ones breaks INV, and leaves orphans."""
    model = Model(REJECT, (naive.naive(REJECT), protocols.write_once_and_help(REJECT)))

    assert_model_breaks({INV, REST, STUCK}, model)


def test_deleting_a_claim_is_unsafe() -> None:
    """A claim is never removed: a run that is still on its way to it would pin other bytes."""
    assert_breaks({INV, REST}, mistakes.claim_deleted)


def test_a_claim_without_a_pinned_hash_is_unsafe() -> None:
    """A claim must pin the bytes, because another compressor makes others from the same source and key."""
    assert_breaks({INV, REST}, mistakes.hash_not_pinned)


def test_mixing_variants_without_a_claim_is_unsafe() -> None:
    """A conditional upload and an unconditional one of one identity break INV unless a claim decides the variant."""
    model = Model(REJECT, (protocols.claim_first(REJECT), protocols.write_once_and_help(REJECT)))

    assert_model_breaks({INV, REST, STUCK}, model)


def test_escrow_after_the_create_blocks() -> None:
    """The key must be in escrow before the object can exist, or a crash between them leaves an orphan."""
    assert_breaks({STUCK}, mistakes.escrow_after_create)


def test_cleaning_up_after_a_failure_blocks() -> None:
    """A run must not drop its record after a failure: its upload may still arrive, and nobody could finish it."""
    assert_breaks({STUCK}, mistakes.cleanup_on_failure)


def test_dropping_the_record_early_blocks() -> None:
    """A record is needed until its row is confirmed: dropped before, a crash leaves an orphan."""
    assert_breaks({STUCK}, mistakes.early_drop)


def test_an_early_receipt_blocks() -> None:
    """A receipt written before the registration is answered hides that the row never came."""
    assert_breaks({STUCK}, mistakes.early_receipt, REJECT_RECEIPTS)


@pytest.mark.parametrize("registry", [REJECT, REJECT_RECEIPTS], ids=str)
def test_calling_an_orphan_at_first_sight_is_a_false_alarm(registry: Registry) -> None:
    """A missing record often means that its owner has just finished: only a second look may call it an orphan."""
    assert_breaks({ALARM}, mistakes.orphan_at_first_sight, registry)


def test_asking_for_the_object_before_the_receipt_is_a_false_alarm() -> None:
    """Proof of registration is read before the object: the other order sees a receipt whose object it missed."""
    assert_breaks({ALARM}, mistakes.head_before_receipt, REJECT_RECEIPTS)


@pytest.mark.parametrize(
    "draft", [protocols.write_once_and_help, protocols.claim_first, naive.naive, mistakes.early_drop]
)
def test_folding_names_hides_nothing(draft: Draft) -> None:
    """States that differ only in the runs' names are one state without changing what is broken, or how soon."""
    model = Model(REJECT, (draft(REJECT),))

    whole, folded = check(model, 2), check(model, 2, fold=True)

    assert folded.states < whole.states
    assert {rule: len(schedule) for rule, schedule in folded.broken.items()} == {
        rule: len(schedule) for rule, schedule in whole.broken.items()
    }


def test_a_counter_example_is_the_shortest_schedule_in_words() -> None:
    """A broken rule comes with a shortest schedule that a person can follow, run by run and request by request."""
    verdict = check(Model(UPSERT, (naive.naive(UPSERT),)), 2)

    assert verdict.broken[INV] == (
        "run 0 takes its first look",
        "run 0 sends PUT#1 of run 0 (bytes of run 0)",
        "run 1 takes its first look",
        "run 1 sends PUT#1 of run 1 (bytes of run 1)",
        "PUT#1 of run 0 (bytes of run 0) is delivered: done; now object 0, rows none",
        "run 0 sends POST#2 of run 0 (row of run 0)",
        "POST#2 of run 0 (row of run 0) is delivered: done; now object 0, rows [0]",
        "PUT#1 of run 1 (bytes of run 1) is delivered: done; now object 1, rows [0]",
    )


def test_a_blocked_version_is_shown_to_its_end() -> None:
    """A schedule that blocks a version goes on with the run without faults that could not finish it."""
    verdict = check(Model(REJECT, (protocols.without_escrow(REJECT),)), 2)

    schedule = verdict.broken[STUCK]

    assert schedule.count("from here on nothing fails") == 1
    assert schedule[-1] == "run 2 asks again whether the version is registered and ends: orphan"
